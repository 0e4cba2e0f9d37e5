import CLibAV
import Glibc

/// libav's process-wide state and the one place where its status codes become errors.
enum LibAV {
  /// Silences libav's logging, once for the process. `SLUICE_LIBAV_LOG=1` in the environment keeps it.
  static let quiet: Void = clibav_set_log(getenv("SLUICE_LIBAV_LOG") == nil ? AV_LOG_QUIET : AV_LOG_VERBOSE)

  /// Container formats that may be opened: all of libav's but those that follow references to other files or devices,
  /// or that take any text for video.
  static let formatWhitelist: String = {
    let excluded: Set<String> = [
      "applehttp", "concat", "dash", "hls", "image2", "image2pipe", "imf", "lavfi", "rtp", "rtsp", "sap", "sdp", "tty",
    ]
    var names: [String] = []
    var cursor: UnsafeMutableRawPointer?
    while let format = av_demuxer_iterate(&cursor) {
      let name = String(cString: format.pointee.name)
      if name.split(separator: ",").allSatisfy({ !excluded.contains(String($0)) }) { names.append(name) }
    }
    return names.joined(separator: ",")
  }()

  /// Versions of the libraries that decode and scale, as loaded.
  static let versions: String = {
    func text(_ version: UInt32) -> String { "\(version >> 16).\((version >> 8) & 255).\(version & 255)" }
    return "libavformat \(text(avformat_version())), libavcodec \(text(avcodec_version())), "
      + "libswscale \(text(swscale_version())), \(String(cString: av_version_info()))"
  }()

  /// libav's words for a status.
  static func describe(_ status: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
      buffer.initialize(repeating: 0)
      av_strerror(status, buffer.baseAddress, buffer.count)
      return String(cString: buffer.baseAddress!)
    }
  }

  /// Whether an errno speaks of the machine, not of the file.
  static func isTransient(errno code: Int32) -> Bool {
    [
      EIO, ENOMEM, EMFILE, ENFILE, EACCES, EINTR, ETIMEDOUT, ESTALE, ENOSPC, EDQUOT, ENOLCK,
    ].contains(code)
  }

  /// Whether a failure that libav reports really comes from the machine.
  ///
  /// Demuxers also say EIO where a file ends too early, and ENOMEM where it claims an absurd size: the former counts only
  /// if the file cannot be read by itself, the latter only if there is no memory for anybody.
  static func isTransient(status: Int32, path: String) -> Bool {
    if case .url = VideoLocation(path) { return isServer(status: status) }
    switch clibav_errno(status) {
    case EIO: return !isReadable(path)
    case ENOMEM:
      guard let memory = malloc(1 << 26) else { return true }
      free(memory)
      return false
    case let code: return isTransient(errno: code)
    }
  }

  // The status is a static variable of each object file that uses it: only this one may.

  /// Errors from here on are of another call.
  @inline(never) static func forgetHTTPStatus() { clibav_forget_http_status() }

  /// The status of the last HTTP error on this thread, 0 if none.
  @inline(never) static func httpStatus() -> Int32 { clibav_http_status() }

  /// Reads the file's first GiB.
  private static func isReadable(_ path: String) -> Bool {
    guard let (path, _) = VideoLocation(path).place else { return true }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { block in
      for _ in 0..<1 << 14 {
        let count = read(descriptor, block.baseAddress!, block.count)
        if count <= 0 { return count == 0 }
      }
      return true
    }
  }

  /// The error of a failed libav call: machine failures become `.io`, all others `code`.
  static func error(_ status: Int32, _ code: VideoError.Code, _ operation: String, _ path: String) -> VideoError {
    let text = "\(path): \(operation): \(describe(status))"
    if clibav_errno(status) == ENOENT { return VideoError(.notFound, "\(path): file not found") }
    if case .url = VideoLocation(path), let error = serverError(status, path) { return error }
    guard isTransient(status: status, path: path) else { return VideoError(code, text) }
    return VideoError(code == .encode ? .encode : .io, text, isTransient: true)
  }

  /// Throws unless `status` is 0 or more.
  static func check(
    _ status: Int32, _ code: VideoError.Code, _ operation: @autoclosure () -> String, _ path: String
  ) throws(VideoError) {
    if status < 0 { throw error(status, code, operation(), path) }
  }
}
