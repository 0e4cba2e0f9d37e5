internal import Foundation

/// Hashtags in the one spelling in which they are compared.
package enum Hashtag {
  /// A tag, or a word of a label, without what people write differently: case, accents, width and ligatures, punctuation,
  /// white space and emoji. Letters and digits of every script stay, with the vowel signs of those that have them.
  package static func normalized(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return normalizedASCII(text.utf8) }
    // Upper case first, so that letters that share only one case (ß and SS, ς and σ) come together.
    let plain = text.filter { !isEmoji($0) }.uppercased().lowercased().decomposedStringWithCompatibilityMapping
    var kept = String.UnicodeScalarView()
    kept.append(contentsOf: plain.unicodeScalars.filter(isKept))
    // Compatibility forms of some letters (ℌ, Ⓐ) are upper case.
    return String(kept).lowercased().precomposedStringWithCanonicalMapping
  }

  private static func normalizedASCII(_ bytes: String.UTF8View) -> String {
    String(unsafeUninitializedCapacity: bytes.count) { buffer in
      var count = 0
      for byte in bytes {
        let lower = byte | 0x20
        guard (0x61...0x7A).contains(lower) || (0x30...0x39).contains(byte) else { continue }
        buffer[count] = (0x61...0x7A).contains(lower) ? lower : byte
        count += 1
      }
      return count
    }
  }

  /// Pictures, keycaps (a digit and U+20E3) and what a variation selector makes a picture. One behind anything else, which
  /// some keyboards leave, changes nothing.
  private static func isEmoji(_ character: Character) -> Bool {
    var last: Unicode.Scalar?
    return character.unicodeScalars.contains { scalar in
      defer { last = scalar }
      let makesPicture = scalar.value == 0xFE0F && last.map { $0.properties.isEmoji && !$0.isASCII } == true
      return scalar.properties.isEmojiPresentation || makesPicture || scalar.value == 0x20E3
        || scalar.properties.isEmojiModifier
    }
  }

  private static func isKept(_ scalar: Unicode.Scalar) -> Bool {
    // Accents of Latin, Greek and Cyrillic letters; marks of other scripts are parts of their letters.
    if (0x300...0x36F).contains(scalar.value) { return false }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
      .spacingMark, .decimalNumber, .letterNumber, .otherNumber:
      return !(0xFE00...0xFE0F).contains(scalar.value)
    default: return false
    }
  }
}
