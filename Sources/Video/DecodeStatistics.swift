/// Work done by a `VideoDecoder` since it was opened.
package struct DecodeStatistics: Sendable, Equatable {
  /// Jumps in the file, reopening included.
  package var seeks = 0
  /// Frames the codec put out, kept or not.
  package var framesDecoded = 0
  /// Packets read from the file after the first pass that indexes it, of all streams.
  package var packetsRead = 0

  package init() {}

  package mutating func add(_ other: DecodeStatistics) {
    seeks += other.seeks
    framesDecoded += other.framesDecoded
    packetsRead += other.packetsRead
  }
}
