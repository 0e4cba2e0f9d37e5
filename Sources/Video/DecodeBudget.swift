/// What one call may spend on a file, in units of work, never in time: the same file always ends the same way.
package struct DecodeBudget: Sendable {
  /// Packets of all streams.
  package var packets: Int
  /// Bytes read each time that the file is opened, with what opening and probing read.
  package var bytes: Int
  /// Decoded frames.
  package var frames: Int
  /// Pixels of decoded frames.
  package var pixels: Int
  /// Bytes of the result.
  package var resultBytes: Int

  /// Room for ten hours of video, or for a seek that has to decode two hours.
  package static let standard = DecodeBudget(
    packets: 4_000_000, bytes: 1 << 38, frames: 250_000, pixels: 1 << 39, resultBytes: 4 << 30)

  /// Most pixels of one coded frame; 8K video has half as many.
  static let framePixels: Int64 = 1 << 26
  /// Longest side of a result, in pixels.
  static let longestSide = 16384
}
