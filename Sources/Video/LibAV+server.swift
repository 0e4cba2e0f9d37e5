import CLibAV
import Glibc

/// What goes wrong with servers, and what to do then.
extension LibAV {
  private static let advice = "see whether the server answers (curl -I URL), or copy the video"

  /// Whether a failed call on a URL comes from the server or the way to it. What a server has for good is that a URL is
  /// not (or no more) there. A demuxer takes a request that is refused half-way for the end of the file; statuses 5xx are
  /// tried again by libav, and count only where that was in vain.
  static func isServer(status: Int32) -> Bool {
    let said = httpStatus()
    guard ![404, 410].contains(said) else { return false }
    return (400..<500).contains(said) || clibav_is_http_error(status) != 0 || isNetwork(errno: clibav_errno(status))
  }

  /// The error of a failed call on a URL; nil where the server did what it should, and the video is bad.
  static func serverError(_ status: Int32, _ url: String) -> VideoError? {
    let said = clibav_is_unauthorized(status) != 0 ? 401 : httpStatus()
    if [404, 410].contains(said) { return VideoError(.notFound, "\(url): the server says \(said): not there") }
    guard isServer(status: status) else { return nil }
    if said != 0 { return VideoError(.io, "\(url): the server says \(said); \(advice(said))", isTransient: true) }
    let reason =
      switch clibav_errno(status) {
      case EIO:
        "its host is not known, its certificate is not trusted here, it gives no ranges, or the connection broke off"
      case ETIMEDOUT: "no byte came for SLUICE_HTTP_SILENCE seconds, or nothing answers there"
      default: "the connection failed: \(describe(status))"
      }
    return VideoError(.io, "\(url): \(reason); \(advice)", isTransient: true)
  }

  /// The error of a video whose server took too long.
  ///
  /// - Parameters:
  ///   - limit: that was passed.
  ///   - bytes: that came until then.
  static func slowServer(_ url: String, limit: String, bytes: Int64) -> VideoError {
    let said = httpStatus()
    let reason =
      if said != 0 {
        "the server says \(said), still after \(limit); \(advice(said))"
      } else if bytes == 0 {
        "no byte came within \(limit): the server cannot be reached, is not trusted, says nothing or breaks off; \(advice)"
      } else {
        "the server is too slow or breaks off: more than \(limit) behind \(HTTPSettings.bytesPerSecond) bytes a second; "
          + "raise it, or copy the video"
      }
    return VideoError(.io, "\(url): \(reason)", isTransient: true)
  }

  private static func advice(_ said: Int32) -> String {
    switch said {
    case 401, 403: "give a URL that may be read without a password (a signed one), or copy the video"
    case 429: "start fewer decode workers, or copy the video"
    default: advice
    }
  }

  private static func isNetwork(errno code: Int32) -> Bool {
    isTransient(errno: code)
      || [ECONNREFUSED, ECONNRESET, ECONNABORTED, EPIPE, EHOSTUNREACH, ENETUNREACH, ENOTCONN, EAGAIN].contains(code)
  }
}
