// Receives Standard Webhooks with Go's standard library: WEBHOOK_SECRET=whsec_… PORT=3000 go run main.go
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	tolerance    = 5 * time.Minute
	maxBodyBytes = 1 << 20
)

type event struct {
	ID   string          `json:"id"`
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// verify returns the event. body is what arrived, before any parsing.
func verify(secrets []string, headers http.Header, body []byte, now time.Time) (*event, error) {
	id, timestamp, signatures := headers.Get("webhook-id"), headers.Get("webhook-timestamp"), headers.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return nil, errors.New("missing_header")
	}
	seconds, err := strconv.ParseUint(timestamp, 10, 40)
	if err != nil {
		return nil, errors.New("malformed_header")
	}
	ahead := time.Unix(int64(seconds), 0).Sub(now)
	if ahead < -tolerance {
		return nil, errors.New("timestamp_too_old")
	}
	if ahead > tolerance {
		return nil, errors.New("timestamp_too_new")
	}
	matches := false
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			return nil, errors.New("invalid_secret")
		}
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.", id, timestamp)
		mac.Write(body)
		own := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		// One of several signatures has to match: while a secret is rotated, both sign.
		for _, signature := range strings.SplitN(signatures, " ", 64) {
			matches = hmac.Equal(own, []byte(signature)) || matches
		}
	}
	if !matches {
		return nil, errors.New("signature_invalid")
	}
	var received event
	if err := json.Unmarshal(body, &received); err != nil {
		return nil, errors.New("invalid_body")
	}
	return &received, nil
}

func main() {
	secrets := strings.Split(os.Getenv("WEBHOOK_SECRET"), ",")
	port := os.Getenv("PORT")
	if port == "" {
		port = "3000"
	}
	http.HandleFunc("POST /", func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, maxBodyBytes))
		if err != nil {
			http.Error(response, "body_too_large", http.StatusRequestEntityTooLarge)
			return
		}
		received, err := verify(secrets, request.Header, body, time.Now())
		if err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		// Here: in one transaction, insert the webhook-id into a table where it is unique, and do the work.
		// If the id is there already, answer 2xx and do nothing.
		log.Println("received", request.Header.Get("webhook-id"), received.Type)
		fmt.Fprint(response, "processed")
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+port, nil))
}
