import CLibAV
import Glibc

/// An open video and its best video stream. One thread uses it.
final class Demuxer {
  let path: String
  let byteCount: Int
  let stream: UnsafeMutablePointer<AVStream>
  /// Packets of all streams read so far.
  private(set) var packetsRead = 0
  private var context: UnsafeMutablePointer<AVFormatContext>?
  private let packet = PacketHandle()
  private let limits: InputLimits

  /// Opens a regular file (anything else could block or never end) and probes its streams.
  ///
  /// - Parameter bytes: most bytes to read, probing included.
  convenience init(path: String, bytes: Int) throws(VideoError) {
    try self.init(path: path, bytes: bytes) { context throws(VideoError) in
      try LibAV.check(avformat_find_stream_info(context, nil), .cannotOpen, "find the streams", path)
      let best = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0)
      guard best >= 0, let stream = context.pointee.streams[Int(best)],
        stream.pointee.disposition & AV_DISPOSITION_ATTACHED_PIC == 0
      else { throw VideoError(.noVideoStream, "\(path): no video stream") }
      return stream
    }
  }

  /// Opens a regular file without probing it.
  ///
  /// - Parameters:
  ///   - format: name of its container.
  ///   - stream: the number of its video stream.
  ///   - bytes: most bytes to read.
  convenience init(path: String, format: String, stream: Int, bytes: Int) throws(VideoError) {
    guard let format = av_find_input_format(format) else {
      throw VideoError(.cannotOpen, "\(path): libav knows no container \(format)")
    }
    try self.init(path: path, format: format, bytes: bytes) { context throws(VideoError) in
      guard stream < context.pointee.nb_streams, let stream = context.pointee.streams[stream] else {
        throw VideoError(.noVideoStream, "\(path): no stream \(stream)")
      }
      return stream
    }
  }

  private init(
    path: String, format: UnsafePointer<AVInputFormat>? = nil, bytes: Int,
    findStream: (UnsafeMutablePointer<AVFormatContext>) throws(VideoError) -> UnsafeMutablePointer<AVStream>
  ) throws(VideoError) {
    _ = LibAV.quiet
    self.path = path
    let location = VideoLocation(path)
    let size = try Demuxer.byteCount(of: location)
    let protocols = location.input.protocols
    LibAV.forgetHTTPStatus()
    if case .url(let url) = location {
      let settings = try HTTPSettings.current.get()
      limits = InputLimits(path: path, bytes: bytes, settings: settings)
      try limits.connect(url, protocols: protocols, settings)
    } else {
      limits = InputLimits(path: path, bytes: bytes, settings: nil)
    }
    var context = avformat_alloc_context()
    limits.watch(context!)
    let limits = limits
    do throws(VideoError) {
      (byteCount, stream) = try limits.during { () throws(VideoError) -> (Int, UnsafeMutablePointer<AVStream>) in
        var options = OptionsHandle([
          ("protocol_whitelist", protocols), ("format_whitelist", LibAV.formatWhitelist),
        ])
        let status = avformat_open_input(&context, location.input.name, format, &options.pointer)
        if status < 0, let failure = limits.failure(status, nil) { throw failure }
        try LibAV.check(status, .cannotOpen, "not a readable video file", path)
        limits.count(context!)
        let byteCount = if let size { size } else { try Demuxer.byteCount(served: context!, path) }
        return (byteCount, try findStream(context!))
      }
      if let failure = limits.failure(0, context) { throw failure }
    } catch {
      let failure = limits.failure(0, context)
      avformat_close_input(&context)
      throw failure ?? error
    }
    self.context = context
    for index in 0..<Int(context!.pointee.nb_streams) where index != Int(stream.pointee.index) {
      context!.pointee.streams[index]!.pointee.discard = AVDISCARD_ALL
    }
  }

  deinit {
    avformat_close_input(&context)
  }

  /// The stream's next packet, nil at the end of what can be read. It stays valid until the next call.
  ///
  /// Packets without a byte are skipped: they mark frames that a writer dropped.
  func next(limit: Int) throws(VideoError) -> UnsafeMutablePointer<AVPacket>? {
    while true {
      av_packet_unref(packet.pointer)
      let status = try limits.during { () throws(VideoError) in av_read_frame(context, packet.pointer) }
      if status < 0 && status != clibav_again() {
        // What the demuxer calls an error may be just where the file is cut; the byte stream's own error is one.
        if let failure = limits.failure(status, context) { throw failure }
        return nil
      }
      packetsRead += 1
      guard packetsRead <= limit else {
        throw VideoError(.budgetExceeded, "\(path): more than \(limit) packets; the file is too long or damaged")
      }
      guard status >= 0 else { continue }
      let isOurs = packet.pointer.pointee.stream_index == stream.pointee.index
      if isOurs && packet.pointer.pointee.size > 0 { return packet.pointer }
    }
  }

  /// Moves to the keyframe at or before `pts`, if the container can. The caller checks where it has got to.
  func seek(toPTS pts: Int64) -> Bool {
    jump(stream.pointee.index, pts, AVSEEK_FLAG_BACKWARD)
  }

  /// Moves to a byte of the file.
  func seek(toByte position: Int64) -> Bool {
    jump(-1, position, AVSEEK_FLAG_BYTE)
  }

  /// What fails for a reason outside of the file fails again when the next packet is read.
  private func jump(_ stream: Int32, _ place: Int64, _ flags: Int32) -> Bool {
    let status = try? limits.during { () throws(VideoError) in av_seek_frame(context, stream, place, flags) }
    return status ?? -1 >= 0
  }

  /// Name of the container, the first where it has several.
  var format: String {
    let names = context.map { String(cString: $0.pointee.iformat.pointee.name) } ?? ""
    return String(names.prefix { $0 != "," })
  }

  /// Whether jumps to a time search the file for it, while any byte will do to go on from.
  var isByteStream: Bool {
    format == "mpegts"
  }

  private static func byteCount(served context: UnsafeMutablePointer<AVFormatContext>, _ path: String)
    throws(VideoError) -> Int
  {
    let size = avio_size(context.pointee.pb)
    guard size > 0 else {
      throw VideoError(.cannotOpen, "\(path): the server does not say its size; ranges are needed")
    }
    return Int(size)
  }

  /// - Returns: nil for a URL.
  static func byteCount(of location: VideoLocation) throws(VideoError) -> Int? {
    guard let path = location.place?.path else { return nil }
    let size = try byteCount(ofRegularFile: path)
    guard case .member(_, _, let bytes) = location else { return size }
    guard bytes.upperBound <= size else {
      throw VideoError(.corrupt, "\(location.text): the shard ends at byte \(size)")
    }
    guard !bytes.isEmpty else { throw VideoError(.cannotOpen, "\(location.text): the member is empty") }
    return bytes.count
  }

  private static func notFound(_ path: String) -> VideoError {
    if let scheme = path.prefixMatch(of: /([A-Za-z][A-Za-z0-9+.\-]*):\/\//) {
      return VideoError(
        .unsupported, "\(path): videos are read from files and by http and https, not by \(scheme.1); copy it")
    }
    if let shard = path.prefixMatch(of: /(.+\.tar)#/) {
      return VideoError(.notFound, "\(path): there is no shard \(shard.1), or it has no such member")
    }
    return VideoError(.notFound, "\(path): file not found")
  }

  private static func byteCount(ofRegularFile path: String) throws(VideoError) -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else {
      let number = errno
      if number == ENOENT || number == ENOTDIR { throw notFound(path) }
      throw VideoError(
        .io, "\(path): \(String(cString: strerror(number)))", isTransient: LibAV.isTransient(errno: number))
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw VideoError(.cannotOpen, "\(path): not a regular file") }
    guard status.st_size > 0 else { throw VideoError(.cannotOpen, "\(path): the file is empty") }
    return Int(status.st_size)
  }
}
