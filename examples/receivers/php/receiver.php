<?php

// Receives Standard Webhooks with PHP alone (8.1 or newer): WEBHOOK_SECRET=whsec_… php -S 127.0.0.1:3000 receiver.php

const TOLERANCE_S = 300;
const MAX_BODY_BYTES = 1 << 20;

/** Returns the event; throws RuntimeException. $body is what arrived, before any parsing. */
function verify(array $secrets, string $id, string $timestamp, string $signatures, string $body, int $now): mixed
{
    if ($id === '' || $timestamp === '' || $signatures === '') {
        throw new RuntimeException('missing_header');
    }
    if (preg_match('/^\d{1,12}$/D', $timestamp) !== 1) {
        throw new RuntimeException('malformed_header');
    }
    $ahead = (int) $timestamp - $now;
    if (abs($ahead) > TOLERANCE_S) {
        throw new RuntimeException($ahead > 0 ? 'timestamp_too_new' : 'timestamp_too_old');
    }
    $matches = false;
    foreach ($secrets as $secret) {
        $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
        $own = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
        // One of several signatures has to match: while a secret is rotated, both sign.
        foreach (explode(' ', $signatures, 64) as $signature) {
            $matches = hash_equals($own, $signature) || $matches;
        }
    }
    if (!$matches) {
        throw new RuntimeException('signature_invalid');
    }
    return json_decode($body, true, 512, JSON_THROW_ON_ERROR);
}

function answer(int $status, string $text): never
{
    http_response_code($status);
    header('content-type: text/plain');
    exit($text);
}

// Not $_POST: the signature covers the bytes that arrived.
$body = file_get_contents('php://input', length: MAX_BODY_BYTES + 1);
if (strlen($body) > MAX_BODY_BYTES) {
    answer(413, 'body_too_large');
}
try {
    $event = verify(
        explode(',', (string) getenv('WEBHOOK_SECRET')),
        $_SERVER['HTTP_WEBHOOK_ID'] ?? '',
        $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '',
        $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '',
        $body,
        time(),
    );
} catch (RuntimeException $error) {
    answer(400, $error->getMessage());
} catch (JsonException) {
    answer(400, 'invalid_body');
}
// Here: in one transaction, insert the webhook-id into a table where it is unique, and do the work.
// If the id is there already, answer 2xx and do nothing.
error_log("received {$_SERVER['HTTP_WEBHOOK_ID']} {$event['type']}");
answer(200, 'processed');
