//! Receives Standard Webhooks with the library of the standard: WEBHOOK_SECRET=whsec_… PORT=3000 cargo run

use std::{env, io::Read, thread};

use http::{HeaderMap, HeaderName, HeaderValue};
use standardwebhooks::Webhook;
use tiny_http::{Request, Response, Server};

const MAX_BODY_BYTES: u64 = 1 << 20;

/// Returns what to answer: status and text.
fn receive(webhooks: &[Webhook], request: &mut Request) -> (u16, String) {
    let mut body = Vec::new();
    let read = request.as_reader().take(MAX_BODY_BYTES + 1).read_to_end(&mut body);
    if read.is_err() || body.len() as u64 > MAX_BODY_BYTES {
        return (413, "body_too_large".into());
    }
    let headers: HeaderMap = request
        .headers()
        .iter()
        .filter_map(|header| {
            let name = HeaderName::from_bytes(header.field.as_str().as_str().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(header.value.as_str()).ok()?))
        })
        .collect();
    // One of several secrets has to have signed: while a secret is rotated, both sign. The library checks the timestamp, too.
    let results: Vec<_> = webhooks.iter().map(|webhook| webhook.verify(&body, &headers)).collect();
    if let Some(Err(error)) = results.iter().find(|_| results.iter().all(Result::is_err)) {
        return (400, error.to_string());
    }
    // Here: parse the body, and in one transaction insert the webhook-id into a table where it is unique, and do the work.
    // If the id is there already, answer 2xx and do nothing.
    println!("received {:?}", headers.get("webhook-id"));
    (200, "processed".into())
}

fn main() {
    let secrets = env::var("WEBHOOK_SECRET").expect("WEBHOOK_SECRET is set");
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let webhooks: Vec<Webhook> = secrets
        .split(',')
        .map(|secret| Webhook::new(secret).expect("a secret is whsec_ and base64"))
        .collect();
    let server = Server::http(format!("127.0.0.1:{port}")).expect("the port is free");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for mut request in server.incoming_requests() {
                    let (status, text) = receive(&webhooks, &mut request);
                    let _ = request.respond(Response::from_string(text).with_status_code(status));
                }
            });
        }
    });
}
