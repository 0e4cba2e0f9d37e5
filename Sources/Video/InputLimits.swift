import CLibAV

/// What reading one opened video may cost: bytes and, from a server, time. libav asks while it opens, probes, reads and
/// jumps, and stops once a limit is passed. One thread uses it.
final class InputLimits {
  private let path: String
  private let state: UnsafeMutablePointer<clibav_limits>
  /// libav's connection to a server; nil for files, which libav opens itself.
  private(set) var stream: UnsafeMutablePointer<AVIOContext>?

  /// - Parameters:
  ///   - bytes: most bytes to read.
  ///   - settings: of a server; nil for a file.
  init(path: String, bytes: Int, settings: HTTPSettings?) {
    self.path = path
    state = .allocate(capacity: 1)
    state.initialize(to: clibav_limits())
    state.pointee.bytes = Int64(bytes)
    state.pointee.seconds = settings.map { Double($0.limitSeconds) } ?? 0
    state.pointee.bytes_per_second = Double(HTTPSettings.bytesPerSecond)
  }

  deinit {
    avio_closep(&stream)
    state.deallocate()
  }

  /// Connects to a server, so that what breaks the connection is known even where a demuxer takes it for the file's end.
  func connect(_ url: String, protocols: String, _ settings: HTTPSettings) throws(VideoError) {
    var options = OptionsHandle([("protocol_whitelist", protocols)] + settings.options)
    clibav_limits_begin(state)
    defer { clibav_limits_end(state) }
    var interrupt = clibav_limits_interrupt(state)
    let status = avio_open2(&stream, url, AVIO_FLAG_READ, &interrupt, &options.pointer)
    if status < 0, let passed { throw passed }
    try LibAV.check(status, .cannotOpen, "connect", path)
    LibAV.forgetHTTPStatus()
  }

  /// Makes libav ask before it reads for `context`, which is not open yet.
  func watch(_ context: UnsafeMutablePointer<AVFormatContext>) {
    context.pointee.interrupt_callback = clibav_limits_interrupt(state)
    guard let stream else { return }
    context.pointee.pb = stream
    context.pointee.flags |= AVFMT_FLAG_CUSTOM_IO
    state.pointee.io = UnsafePointer(stream)
  }

  /// `context` is open: its bytes count from here on.
  func count(_ context: UnsafeMutablePointer<AVFormatContext>) { state.pointee.io = UnsafePointer(context.pointee.pb) }

  /// Does what may wait for a server: only that time counts.
  func during<Value>(_ body: () throws(VideoError) -> Value) throws(VideoError) -> Value {
    clibav_limits_begin(state)
    defer { clibav_limits_end(state) }
    return try body()
  }

  /// The limit that was passed.
  var passed: VideoError? {
    switch state.pointee.passed {
    case 0: nil
    case 1:
      VideoError(
        .budgetExceeded,
        "\(path): reading it takes more than \(state.pointee.bytes) bytes; the file is too long or damaged")
    default:
      LibAV.slowServer(
        path, limit: "SLUICE_HTTP_LIMIT=\(Int(state.pointee.seconds)) seconds",
        bytes: state.pointee.io?.pointee.bytes_read ?? 0)
    }
  }

  /// The reason that reading ended other than at the end of the file: a limit, or an error of the byte stream, that a
  /// demuxer may take for a damaged or cut file.
  ///
  /// - Parameter status: of a libav call.
  func failure(_ status: Int32, _ context: UnsafeMutablePointer<AVFormatContext>?) -> VideoError? {
    if let passed { return passed }
    let own = stream?.pointee.error ?? context.map { clibav_io_error($0) } ?? 0
    for code in [status, own] where code < 0 && LibAV.isTransient(status: code, path: path) {
      return LibAV.error(code, .io, "read", path)
    }
    return nil
  }
}
