import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.concurrent.Executors;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Receives Standard Webhooks with the JDK alone (17 or newer): WEBHOOK_SECRET=whsec_… PORT=3000 java Receiver.java */
public class Receiver {
  static final long TOLERANCE_S = 300;
  static final int MAX_BODY_BYTES = 1 << 20;

  /** Not a webhook of this sender, or not now. */
  static class Rejected extends Exception {
    Rejected(String code) {
      super(code);
    }
  }

  /** Checks a request. `body` is what arrived, before any parsing. */
  static void verify(String[] secrets, String id, String timestamp, String signatures, byte[] body, Instant now)
      throws Rejected, GeneralSecurityException {
    if (id == null || timestamp == null || signatures == null) throw new Rejected("missing_header");
    if (!timestamp.matches("[0-9]{1,12}")) throw new Rejected("malformed_header");
    long ahead = Long.parseLong(timestamp) - now.getEpochSecond();
    if (ahead < -TOLERANCE_S) throw new Rejected("timestamp_too_old");
    if (ahead > TOLERANCE_S) throw new Rejected("timestamp_too_new");
    boolean matches = false;
    for (String secret : secrets) {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.replaceFirst("^whsec_", "")), "HmacSHA256"));
      mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.ISO_8859_1));
      byte[] own = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes(StandardCharsets.ISO_8859_1);
      // One of several signatures has to match: while a secret is rotated, both sign.
      for (String signature : signatures.split(" ", 64))
        matches |= MessageDigest.isEqual(own, signature.getBytes(StandardCharsets.ISO_8859_1));
    }
    if (!matches) throw new Rejected("signature_invalid");
  }

  static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  public static void main(String[] args) throws IOException {
    String[] secrets = System.getenv("WEBHOOK_SECRET").split(",");
    int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "3000"));
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.setExecutor(Executors.newFixedThreadPool(16));
    server.createContext("/", exchange -> {
      byte[] body = exchange.getRequestBody().readNBytes(MAX_BODY_BYTES + 1);
      if (body.length > MAX_BODY_BYTES) {
        answer(exchange, 413, "body_too_large");
        return;
      }
      var headers = exchange.getRequestHeaders();
      String id = headers.getFirst("webhook-id");
      try {
        verify(secrets, id, headers.getFirst("webhook-timestamp"), headers.getFirst("webhook-signature"), body, Instant.now());
      } catch (Rejected rejected) {
        answer(exchange, 400, rejected.getMessage());
        return;
      } catch (GeneralSecurityException | IllegalArgumentException error) {
        answer(exchange, 500, "invalid_secret");
        return;
      }
      // Here: parse the body, and in one transaction insert the webhook-id into a table where it is unique, and do the work.
      // If the id is there already, answer 2xx and do nothing.
      System.out.println("received " + id);
      answer(exchange, 200, "processed");
    });
    server.start();
  }
}
