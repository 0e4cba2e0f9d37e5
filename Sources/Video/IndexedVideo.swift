/// What an index says of a video file.
package struct IndexedVideo: Sendable, Equatable {
  /// Size of the file.
  package let byteCount: Int
  /// Frames that a linear decode outputs.
  package let frameCount: Int
  /// Its packets, all or those that the frames wanted need; nil if the file has to be probed.
  package let table: PacketTable?

  package init(byteCount: Int, frameCount: Int, table: PacketTable?) {
    self.byteCount = byteCount
    self.frameCount = frameCount
    self.table = table
  }

  /// - Throws: `.corrupt` for a file of another size.
  func check(_ path: String, _ found: Int) throws(VideoError) {
    guard found == byteCount else {
      throw VideoError(.corrupt, "\(path): \(found) bytes, \(byteCount) when the corpus was built")
    }
  }
}
