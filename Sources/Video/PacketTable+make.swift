import CLibAV
import Glibc
import Wire

/// How the frames of a file are found.
package enum FrameAccess: String, Sendable, CaseIterable {
  /// By a packet table, which opens the file without probing it.
  case table
  /// By probing the file and reading it through at every open.
  case probe
  /// By decoding from its start: time stamps are missing or repeated.
  case linear
}

extension VideoProbe {
  /// What an index should know of a file.
  package struct Finding: Sendable, Equatable {
    package let info: VideoInfo
    package let access: FrameAccess
    /// Present if `access` is `table`.
    package let table: PacketTable?

    /// What a lease says of the file: the table's part that `frames` need.
    package func indexed(for frames: [Int]) -> IndexedVideo {
      IndexedVideo(byteCount: info.byteCount, frameCount: info.frameCount, table: table?.slice(for: frames))
    }
  }

  /// Demuxes the whole file twice, any thread: as a decoder does that knows nothing of it, and by a packet table; the table
  /// is kept only if both read the same packets.
  package static func index(path: String) throws(VideoError) -> Finding {
    var prints: [UInt64] = []
    var positions: [Int64] = []
    let (demuxer, index) = try open(path: path, budget: .standard) { packet in
      prints.append(PacketTable.fingerprint(of: packet))
      positions.append(packet.pointee.pos)
    }
    let info = try VideoInfo(demuxer: demuxer, index: index)
    guard !index.isLinear else { return Finding(info: info, access: .linear, table: nil) }
    let table = PacketTable(demuxer: demuxer, index: index, info: info, positions: positions)
    guard let table, table.reads(path: path, prints: prints) else {
      return Finding(info: info, access: .probe, table: nil)
    }
    return Finding(info: info, access: .table, table: table)
  }
}

extension PacketTable {
  /// Keyframes to which a jump is tried; evenly spaced ones of more.
  private static let jumps = 256

  /// - Parameters:
  ///   - demuxer: after probing.
  ///   - positions: of all packets.
  fileprivate init?(demuxer: Demuxer, index: PacketIndex, info: VideoInfo, positions: [Int64]) {
    guard index.pts.count <= PacketTable.packetLimit,
      index.pts.allSatisfy({ $0.magnitude <= PacketIndex.ptsLimit }),
      let opened = try? Demuxer(
        path: demuxer.path, format: demuxer.format, stream: Int(demuxer.stream.pointee.index),
        bytes: DecodeBudget.standard.bytes),
      let parameters = StreamParameters(probed: demuxer.stream, opened: opened.stream),
      let identity = FileIdentity.compute(path: demuxer.path, byteCount: info.byteCount)
    else { return nil }
    self.info = info
    self.identity = identity
    format = demuxer.format
    self.parameters = parameters
    firstOrder = 0
    self.index = index
    self.positions = demuxer.isByteStream ? index.keyframes.map { positions[$0] } : []
    guard self.positions.allSatisfy({ $0 >= 0 }) else { return nil }
  }

  /// The file, opened without probing as the table says; nil if it is not the file that the table was made of.
  func open(path: String, bytes: Int) throws(VideoError) -> Demuxer? {
    guard FileIdentity.compute(path: path, byteCount: info.byteCount) == identity else { return nil }
    let demuxer = try Demuxer(path: path, format: format, stream: parameters.stream, bytes: bytes)
    return demuxer.byteCount == info.byteCount && parameters.apply(to: demuxer.stream) ? demuxer : nil
  }

  /// Whether the packets are the same, read from the start and after jumps to keyframes, each time into the next one's
  /// run of packets.
  ///
  /// - Parameter prints: of all packets, as a probed file gives them.
  fileprivate func reads(path: String, prints: [UInt64]) -> Bool {
    let demuxer = try? open(path: path, bytes: DecodeBudget.standard.bytes)
    guard let demuxer, matches(demuxer, prints, from: 0, to: prints.count) else { return false }
    let keyframes = index.keyframes
    let step = max((keyframes.count + PacketTable.jumps - 1) / PacketTable.jumps, 1)
    return stride(from: 0, to: keyframes.count, by: step).allSatisfy { place in
      let order = keyframes[place]
      let end = place + 1 < keyframes.count ? keyframes[place + 1] + 1 : prints.count
      return jump(demuxer, toKeyframeAt: order) && matches(demuxer, prints, from: order, to: end)
    }
  }

  private func matches(_ demuxer: Demuxer, _ prints: [UInt64], from first: Int, to end: Int) -> Bool {
    var order = first
    // The way from where a jump leads to the keyframe is not compared.
    var isThere = false
    while order < end {
      guard let packet = try? demuxer.next(limit: .max) else { return false }
      isThere = isThere || packet.pointee.pts == index.pts[first]
      guard isThere else { continue }
      guard PacketTable.fingerprint(of: packet) == prints[order] else { return false }
      order += 1
    }
    return true
  }

  /// Moves to the keyframe at `order` or before it.
  func jump(_ demuxer: Demuxer, toKeyframeAt order: Int) -> Bool {
    if let position = position(ofKeyframeAt: order) { return demuxer.seek(toByte: position) }
    return demuxer.seek(toPTS: index.pts[order])
  }

  /// Hash of all that a decoder sees of a packet.
  static func fingerprint(of packet: UnsafeMutablePointer<AVPacket>) -> UInt64 {
    func hash(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int, _ seed: UInt64) -> UInt64 {
      XXH3.hash(UnsafeRawBufferPointer(start: bytes, count: count), seed: seed)
    }
    let (pts, flags) = (UInt64(bitPattern: packet.pointee.pts), UInt64(UInt32(bitPattern: packet.pointee.flags)))
    var print = hash(packet.pointee.data, Int(packet.pointee.size), pts ^ flags << 32)
    for place in 0..<Int(packet.pointee.side_data_elems) {
      let data = packet.pointee.side_data[place]
      print = hash(data.data, Int(data.size), print ^ UInt64(data.type.rawValue))
    }
    return print
  }
}

/// Tells whether a file is another one than before at little cost.
enum FileIdentity {
  private static let span = 4096

  /// XXH3 of the video's first and last bytes and its size; nil if it cannot be read here or ends before that size.
  static func compute(path: String, byteCount: Int) -> UInt64? {
    let location = VideoLocation(path)
    guard let (path, start) = location.place else { return nil }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    if case .file = location, Int(status.st_size) != byteCount { return nil }
    return withUnsafeTemporaryAllocation(byteCount: span, alignment: 16) { block in
      var hash = UInt64(byteCount)
      for offset in [0, max(byteCount - span, 0)] {
        let wanted = min(span, byteCount - offset)
        let count = pread(descriptor, block.baseAddress!, wanted, start + offset)
        guard count == wanted else { return nil }
        hash = XXH3.hash(UnsafeRawBufferPointer(rebasing: block[0..<count]), seed: hash)
      }
      return hash
    }
  }
}
