# frozen_string_literal: true

# Receives Standard Webhooks with Ruby's standard library; the server is WEBrick (gem install webrick):
#   WEBHOOK_SECRET=whsec_… PORT=3000 ruby receiver.rb

require 'json'
require 'openssl'
require 'webrick'

TOLERANCE_S = 300
MAX_BODY_BYTES = 1 << 20

# Not a webhook of this sender, or not now.
class Rejected < StandardError; end

# Returns the event; raises Rejected. `body` is what arrived, before any parsing.
def verify(secrets, id, timestamp, signatures, body, now = Time.now)
  raise Rejected, 'missing_header' if [id, timestamp, signatures].any? { |header| header.to_s.empty? }
  raise Rejected, 'malformed_header' unless timestamp.match?(/\A\d{1,12}\z/)

  ahead = timestamp.to_i - now.to_i
  raise Rejected, 'timestamp_too_old' if ahead < -TOLERANCE_S
  raise Rejected, 'timestamp_too_new' if ahead > TOLERANCE_S

  matches = false
  secrets.each do |secret|
    key = secret.delete_prefix('whsec_').unpack1('m0')
    own = "v1,#{[OpenSSL::HMAC.digest('SHA256', key, "#{id}.#{timestamp}.".b + body.b)].pack('m0')}"
    # One of several signatures has to match: while a secret is rotated, both sign.
    signatures.split(' ', 64).each { |signature| matches |= OpenSSL.secure_compare(own, signature) }
  end
  raise Rejected, 'signature_invalid' unless matches

  JSON.parse(body)
rescue JSON::ParserError
  raise Rejected, 'invalid_body'
end

if $PROGRAM_NAME == __FILE__
  secrets = ENV.fetch('WEBHOOK_SECRET').split(',')
  server = WEBrick::HTTPServer.new(
    BindAddress: '127.0.0.1', Port: ENV.fetch('PORT', '3000').to_i, AccessLog: [], Logger: WEBrick::Log.new(nil, 0)
  )
  server.mount_proc '/' do |request, response|
    if request['content-length'].to_i > MAX_BODY_BYTES
      response.status = 413
      next
    end
    event = verify(secrets, request['webhook-id'], request['webhook-timestamp'], request['webhook-signature'], request.body.to_s)
    # Here: in one transaction, insert the webhook-id into a table where it is unique, and do the work.
    # If the id is there already, answer 2xx and do nothing.
    warn "received #{request['webhook-id']} #{event['type']}"
    response.body = 'processed'
  rescue Rejected => e
    response.status = 400
    response.body = e.message
  end
  trap('TERM') { server.shutdown }
  server.start
end
