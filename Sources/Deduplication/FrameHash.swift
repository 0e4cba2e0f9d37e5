/// A perceptual hash of a picture: the signs of the lowest frequencies of its luma.
///
/// Bit i is set where the i-th coefficient of the two-dimensional DCT, in zigzag order without the mean, is negative. Brightness and
/// contrast change no sign; scaling and coding change those of small coefficients; a mirrored picture has the opposite signs at odd
/// horizontal frequencies. After Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, with signs
/// in place of its comparison with the median.
package struct FrameHash: Sendable, Hashable, BitwiseCopyable {
  /// The 64 lowest frequencies: what is searched by.
  package var coarse: UInt64
  /// The next 192: what confirms.
  package var fine1: UInt64
  package var fine2: UInt64
  package var fine3: UInt64

  package init(_ coarse: UInt64, _ fine1: UInt64, _ fine2: UInt64, _ fine3: UInt64) {
    (self.coarse, self.fine1, self.fine2, self.fine3) = (coarse, fine1, fine2, fine3)
  }

  /// Number of the 256 bits that differ.
  package func distance(to other: FrameHash) -> Int {
    (coarse ^ other.coarse).nonzeroBitCount + (fine1 ^ other.fine1).nonzeroBitCount
      + (fine2 ^ other.fine2).nonzeroBitCount + (fine3 ^ other.fine3).nonzeroBitCount
  }

  /// The hash of the picture with left and right exchanged.
  package var mirrored: FrameHash {
    let mask = FrameTransform.mirrorMask
    return FrameHash(coarse ^ mask.coarse, fine1 ^ mask.fine1, fine2 ^ mask.fine2, fine3 ^ mask.fine3)
  }
}

/// A part of a picture as fractions of its height and width.
package struct FrameRegion: Sendable {
  let rows: ClosedRange<Float>
  let columns: ClosedRange<Float>

  /// What is hashed of every picture: the whole; its middle, which is what a crop by a tenth leaves; and what lies between the strips
  /// at top and bottom where captions and black bars are.
  package static let all = [
    FrameRegion(rows: 0...1, columns: 0...1),
    FrameRegion(rows: 0.05...0.95, columns: 0.05...0.95),
    FrameRegion(rows: 0.16...0.84, columns: 0...1),
  ]
}
