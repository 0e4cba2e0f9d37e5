import CLibAV

/// An open file and what is known of its packets.
struct OpenedVideo {
  var demuxer: Demuxer
  let index: PacketIndex
  let info: VideoInfo
  /// The table that the file was opened by; nil if it was probed and read through.
  let table: PacketTable?
  /// Decode order of the packet that the demuxer reads next, where known.
  var nextOrder: Int?
  /// Per packet, the hash of all that a decoder sees of it; empty if the file was opened by a table.
  private let prints: [UInt64]
  private let byteLimit: Int

  /// Probes a file and reads it through.
  init(probing path: String, budget: DecodeBudget) throws(VideoError) {
    var prints: [UInt64] = []
    (demuxer, index) = try VideoProbe.open(path: path, budget: budget) { packet in
      prints.append(PacketTable.fingerprint(of: packet))
    }
    info = try VideoInfo(demuxer: demuxer, index: index)
    table = nil
    byteLimit = budget.bytes
    self.prints = prints
  }

  /// - Returns: nil if the file is not the one that the table was made of.
  init?(path: String, table: PacketTable, budget: DecodeBudget) throws(VideoError) {
    guard let opened = try table.open(path: path, bytes: budget.bytes) else { return nil }
    (demuxer, index, info, self.table) = (opened, table.index, table.info, table)
    nextOrder = table.firstOrder == 0 ? 0 : nil
    prints = []
    byteLimit = budget.bytes
  }

  /// Opens the file anew, at its first packet.
  mutating func reopen() throws(VideoError) {
    guard let table else {
      demuxer = try Demuxer(path: demuxer.path, bytes: byteLimit)
      nextOrder = 0
      return
    }
    guard let opened = try table.open(path: demuxer.path, bytes: byteLimit) else {
      throw VideoError(.corrupt, "\(demuxer.path): differs from its packet table")
    }
    demuxer = opened
    nextOrder = table.firstOrder == 0 ? 0 : nil
  }

  /// Whether a packet is the one that was indexed at `order`: however a damaged file is read, the codec is given the same
  /// packets.
  func isIndexed(_ packet: UnsafeMutablePointer<AVPacket>, at order: Int) -> Bool {
    packet.pointee.pts == index.pts[order] && (prints.isEmpty || PacketTable.fingerprint(of: packet) == prints[order])
  }
}
