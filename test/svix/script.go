// A sender's script, as it is written for Svix: only the URL is another. Prints what the test compares.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"time"

	svix "github.com/svix/svix-webhooks/go"
	"github.com/svix/svix-webhooks/go/models"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func demand(holds bool, what string) {
	if !holds {
		panic(what)
	}
}

func main() {
	server, err := url.Parse(os.Args[1])
	check(err)
	token, receiver, name := os.Args[2], os.Args[3], os.Args[4]
	ctx := context.Background()
	client, err := svix.New(token, &svix.SvixOptions{ServerUrl: server})
	check(err)

	_, err = client.EventType.Create(ctx, models.EventTypeIn{Name: name + ".paid", Description: "Paid"}, nil)
	check(err)
	app, err := client.Application.Create(ctx, models.ApplicationIn{Name: "Customer", Uid: &name}, nil)
	check(err)
	demand(*app.Uid == name, "the uid of the application")
	endpoint, err := client.Endpoint.Create(ctx, name, models.EndpointIn{Url: receiver, Channels: []string{"one"}}, nil)
	check(err)
	send := func(channels []string) *models.MessageOut {
		payload := map[string]any{"amount": 1099}
		sent, err := client.Message.Create(ctx, name, models.MessageIn{EventType: name + ".paid", Payload: payload, Channels: channels}, nil)
		check(err)
		return sent
	}
	first := send([]string{"one", "two"})
	send([]string{"two"})
	attempts := func() []models.MessageAttemptOut {
		page, err := client.MessageAttempt.ListByEndpoint(ctx, name, endpoint.Id, nil)
		check(err)
		return page.Data
	}
	until := func(count int) {
		for end := time.Now().Add(2 * time.Minute); len(attempts()) != count; time.Sleep(50 * time.Millisecond) {
			demand(time.Now().Before(end), "the attempts do not come")
		}
	}
	until(1)
	attempt := attempts()[0]
	demand(attempt.MsgId == first.Id && attempt.Status == models.MESSAGESTATUS_SUCCESS, "the attempt")
	demand(attempt.ResponseStatusCode == 200 && attempt.StatusText == models.MESSAGESTATUSTEXT_SUCCESS, "its outcome")

	_, err = client.MessageAttempt.Resend(ctx, name, first.Id, endpoint.Id, nil)
	check(err)
	until(2)
	_, err = client.Endpoint.Recover(ctx, name, endpoint.Id, models.RecoverIn{Since: time.Now().Add(-time.Hour)}, nil)
	check(err)
	before, err := client.Endpoint.GetSecret(ctx, name, endpoint.Id)
	check(err)
	check(client.Endpoint.RotateSecret(ctx, name, endpoint.Id, models.EndpointSecretRotateIn{}, nil))
	after, err := client.Endpoint.GetSecret(ctx, name, endpoint.Id)
	check(err)
	demand(before.Key != after.Key, "the secret after a rotation")
	list, err := client.Message.List(ctx, name, nil)
	check(err)
	fmt.Printf(`{"messages":%d,"attempts":%d}`, len(list.Data), len(attempts()))
}
