/// A perceptual hash of a picture: where its luma is above that around it.
///
/// Bit 16 r + c, of 256, is set where the cell in row r and column c of a 16 x 16 grid, smoothed with its neighbours (1 2 1 in each direction:
/// stripes as fine as the grid are not in it, which would be there in one copy and not in another), is lighter than the mean of the 5 x 5
/// cells around it. So every part of the picture decides over its own bits: what covers or moves in one part leaves the others as they are. Light,
/// contrast, scaling and coding change few bits.
package struct FrameHash: Sendable, Hashable, BitwiseCopyable {
  /// Cells of a row and of a column.
  package static let side = 16
  package static let bitCount = side * side

  /// Four rows of the grid each, from the top, the lowest bit first.
  package var words: (UInt64, UInt64, UInt64, UInt64)

  package init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
    words = (word0, word1, word2, word3)
  }

  /// - Parameter isSet: of the bit with a number.
  init(_ isSet: (Int) -> Bool) {
    func word(_ number: Int) -> UInt64 {
      (0..<64).reduce(UInt64(0)) { $0 | (isSet(number * 64 + $1) ? 1 << UInt64($1) : 0) }
    }
    words = (word(0), word(1), word(2), word(3))
  }

  package static func == (a: FrameHash, b: FrameHash) -> Bool { a.words == b.words }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }

  /// Number of the 256 bits that differ; where the upper or the lower quarter of the picture differs more than the rest, as under a
  /// caption, that of the other three quarters, and a third more.
  package func distance(to other: FrameHash) -> Int {
    let top = (words.0 ^ other.words.0).nonzeroBitCount
    let middle = (words.1 ^ other.words.1).nonzeroBitCount + (words.2 ^ other.words.2).nonzeroBitCount
    let bottom = (words.3 ^ other.words.3).nonzeroBitCount
    return min(top + middle + bottom, (middle + min(top, bottom)) * 4 / 3)
  }

  /// The hash of the picture with left and right exchanged: each row's 16 bits in the opposite order.
  package var mirrored: FrameHash {
    FrameHash(
      Self.reversingRows(words.0), Self.reversingRows(words.1), Self.reversingRows(words.2),
      Self.reversingRows(words.3))
  }

  private static func reversingRows(_ word: UInt64) -> UInt64 {
    var word = word
    for (shift, mask) in [
      (UInt64(1), UInt64(0x5555_5555_5555_5555)), (2, 0x3333_3333_3333_3333), (4, 0x0F0F_0F0F_0F0F_0F0F),
      (8, 0x00FF_00FF_00FF_00FF),
    ] {
      word = (word >> shift) & mask | (word & mask) << shift
    }
    return word
  }
}

/// A part of a picture as fractions of its height and width.
package struct FrameRegion: Sendable {
  let rows: ClosedRange<Float>
  let columns: ClosedRange<Float>

  /// Windows of a crop by a tenth: so many places in each direction.
  private static let places = 5

  /// What is hashed of the pictures of videos to train on: all of it.
  package static let whole = [FrameRegion(rows: 0...1, columns: 0...1)]

  /// What is hashed of the targets' pictures: all of it, and nine tenths of height and width at 5 x 5 places, as copies that were
  /// cropped show it. Those by which candidates are found come first: all of the picture, and every other place.
  package static let windows =
    whole
    + (0..<places * places).filter(isSearched).map(window)
    + (0..<places * places).filter { !isSearched($0) }.map(window)

  /// So many of `windows` find candidates, the first ones.
  static let searchedCount = 1 + (0..<places * places).count(where: isSearched)

  private static func isSearched(_ place: Int) -> Bool {
    (place / places).isMultiple(of: 2) && (place % places).isMultiple(of: 2)
  }

  private static func window(_ place: Int) -> FrameRegion {
    let (top, left) = (offset(place / places), offset(place % places))
    return FrameRegion(rows: top...top + 0.9, columns: left...left + 0.9)
  }

  private static func offset(_ place: Int) -> Float { 0.1 * Float(place) / Float(places - 1) }
}
