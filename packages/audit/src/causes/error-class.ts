/** SQL: the class of a failure, from the columns `failed_code` and `failed_error` of the last failed attempt. */
export const errorClass = `case
  when failed_code = 413 or regexp_matches(coalesce(failed_error, ''), '(?i)too.?large|entity.?too|payload.?(size|large)|max.?(body|payload)|oversize|body.?limit') then 'oversize'
  when failed_code = 429 or regexp_matches(coalesce(failed_error, ''), '(?i)rate.?limit|too.?many.?requests|throttl') then 'rate_limited'
  when regexp_matches(coalesce(failed_error, ''), '(?i)enotfound|eai_again|\\bdns\\b|dns[ _:-]|getaddrinfo|no such host|name.{0,20}resol|resolv|nxdomain|servfail') then 'dns'
  when regexp_matches(coalesce(failed_error, ''), '(?i)\\btls|ssl|x509|certificate|cert_|handshake|self.?signed|unable_to_verify') then 'tls'
  when regexp_matches(coalesce(failed_error, ''), '(?i)time.?d?.?out|etimedout|deadline.?exceeded|esockettimedout') then 'timeout'
  when regexp_matches(coalesce(failed_error, ''), '(?i)econn|refused|reset|hang.?up|epipe|socket|unreach|ehost|enet|closed') and failed_code is null then 'connection'
  when failed_code >= 500 then 'server_error'
  when failed_code >= 400 then 'client_error'
  when failed_code >= 300 then 'redirect'
  when failed_code is null then 'no_answer'
end`;
