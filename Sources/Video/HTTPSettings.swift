import Glibc

/// How long a server may take, from the environment.
package struct HTTPSettings: Sendable, Equatable {
  /// `SLUICE_HTTP_SILENCE`: seconds without a byte that end a request.
  package var silenceSeconds = 20
  /// `SLUICE_HTTP_LIMIT`: seconds that an opened video may in all stay behind `bytesPerSecond`.
  package var limitSeconds = 60

  /// A server that sends at least so much is never too slow.
  package static let bytesPerSecond = 16384

  /// Of this process, read once.
  static let current = Result { () throws(VideoError) in
    try HTTPSettings { name in getenv(name).map { String(cString: $0) } }
  }

  /// - Parameter value: of a variable of the environment; nil if it is not set.
  /// - Throws: naming the variable and what it takes. Transient: it says nothing of any video.
  package init(value: (String) -> String?) throws(VideoError) {
    func seconds(_ name: String, _ standard: Int) throws(VideoError) -> Int {
      guard let text = value(name) else { return standard }
      guard let seconds = Int(text), (1...86400).contains(seconds) else {
        throw VideoError(.io, "\(name)=\(text): must be a whole number of seconds, 1 to 86400", isTransient: true)
      }
      return seconds
    }
    silenceSeconds = try seconds("SLUICE_HTTP_SILENCE", silenceSeconds)
    limitSeconds = try seconds("SLUICE_HTTP_LIMIT", limitSeconds)
  }

  /// Options of libav's protocols: silence ends a request, what breaks off is taken up again for some seconds, and
  /// certificates are checked by those that the system trusts.
  var options: [(name: String, value: String)] {
    [
      ("rw_timeout", "\(silenceSeconds)000000"), ("reconnect", "1"), ("reconnect_on_network_error", "1"),
      ("reconnect_on_http_error", "5xx"), ("reconnect_delay_max", "3"), ("tls_verify", "1"),
      ("ca_file", getenv("SSL_CERT_FILE").map { String(cString: $0) } ?? "/etc/ssl/certs/ca-certificates.crt"),
    ]
  }
}
