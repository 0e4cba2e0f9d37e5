internal import Yams

extension SectionReader {
  /// A whole number in `range`.
  func integer(_ key: String, default standard: Int? = nil, in range: ClosedRange<Int>) -> Int {
    optionalInteger(key, required: standard == nil, in: range) ?? standard ?? range.lowerBound
  }

  func optionalInteger(_ key: String, required: Bool = false, in range: ClosedRange<Int>) -> Int? {
    guard let entry = entry(key, required: required) else { return nil }
    guard let value = integer(of: entry.value) else {
      fail(key, "expected a whole number, found \(entry.value.kind)")
      return nil
    }
    guard range.contains(value) else {
      fail(key, "\(value) is out of range: \(describe(range))")
      return nil
    }
    return value
  }

  /// A list of whole numbers in `range`, at least one.
  func integers(_ key: String, in range: ClosedRange<Int>) -> [Int]? {
    guard let entry = entry(key, required: true) else { return nil }
    guard case .sequence(let sequence) = entry.value, !sequence.isEmpty else {
      fail(key, "expected a list of whole numbers, found \(entry.value.kind)")
      return nil
    }
    var values: [Int] = []
    for node in sequence {
      guard let value = integer(of: node), range.contains(value) else {
        fail(key, "expected whole numbers, \(describe(range)), found \(node.kind)")
        return nil
      }
      values.append(value)
    }
    return values
  }

  /// A list of texts, empty where it is absent.
  func strings(_ key: String) -> [String] {
    guard let entry = entry(key, required: false) else { return [] }
    guard case .sequence(let sequence) = entry.value else {
      fail(key, "expected a list of texts, found \(entry.value.kind)")
      return []
    }
    return sequence.compactMap { node in
      if let text = node.scalarText { return text }
      fail(key, "expected a list of texts, found \(node.kind) in it")
      return nil
    }
  }

  func seed(_ key: String) -> UInt64 {
    guard let entry = entry(key, required: false) else { return 0 }
    guard let text = entry.value.plainText, let value = UInt64(text) else {
      fail(key, "expected a whole number from 0 to 2^64 - 1, found \(entry.value.kind)")
      return 0
    }
    return value
  }

  func number(_ key: String, default standard: Double? = nil, in range: ClosedRange<Double>) -> Double {
    optionalNumber(key, required: standard == nil, in: range) ?? standard ?? range.lowerBound
  }

  func optionalNumber(_ key: String, required: Bool = false, in range: ClosedRange<Double>) -> Double? {
    guard let entry = entry(key, required: required) else { return nil }
    guard let text = entry.value.plainText, let value = Double(text), value.isFinite else {
      fail(key, "expected a number, found \(entry.value.kind)")
      return nil
    }
    guard range.contains(value) else {
      fail(key, "\(text) is out of range: \(format(range.lowerBound)) to \(format(range.upperBound))")
      return nil
    }
    return value
  }

  func boolean(_ key: String, default standard: Bool) -> Bool {
    guard let entry = entry(key, required: false) else { return standard }
    switch entry.value.plainText {
    case "true": return true
    case "false": return false
    default:
      fail(key, "expected true or false, found \(entry.value.kind)")
      return standard
    }
  }

  func string(_ key: String) -> String {
    optionalString(key, required: true) ?? ""
  }

  func optionalString(_ key: String, required: Bool = false) -> String? {
    guard let entry = entry(key, required: required) else { return nil }
    guard case .scalar(let scalar) = entry.value else {
      fail(key, "expected a text, found \(entry.value.kind)")
      return nil
    }
    guard !scalar.string.isEmpty, !scalar.string.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 })
    else {
      fail(key, "expected a text in one line, found \(scalar.string.isEmpty ? "an empty one" : "control characters")")
      return nil
    }
    return scalar.string
  }

  /// One of the values of a string enumeration.
  func choice<Value: RawRepresentable & CaseIterable>(
    _ key: String, default standard: Value
  ) -> Value where Value.RawValue == String {
    guard let entry = entry(key, required: false) else { return standard }
    let text = entry.value.scalarText
    if let text, let value = Value(rawValue: text) { return value }
    fail(key, "expected \(Value.allCases.map(\.rawValue).joined(separator: " or ")), found \(entry.value.kind)")
    return standard
  }

  /// Bytes: a whole number, or one with a unit (`512 MiB`, `16GB`).
  func optionalByteCount(_ key: String) -> Int? {
    guard let entry = entry(key, required: false) else { return nil }
    let text = entry.value.scalarText ?? ""
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    let units: [(name: String, bytes: Double)] = [
      ("", 1), ("B", 1), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("KiB", 1024), ("MiB", 1_048_576),
      ("GiB", 1_073_741_824), ("TiB", 1_099_511_627_776),
    ]
    let factor = units.first { $0.name.lowercased() == unit.lowercased() }?.bytes
    guard let value = Double(digits), let factor, value * factor >= 1, value * factor < 1e18 else {
      fail(key, "expected bytes, for example 8 GiB, found \(entry.value.kind)")
      return nil
    }
    return Int(value * factor)
  }

  private func integer(of node: Node) -> Int? {
    node.plainText.flatMap { Int($0) }
  }

  private func describe(_ range: ClosedRange<Int>) -> String {
    range.upperBound == .max ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
  }
}

extension Node {
  /// The text of a scalar, quoted or not.
  var scalarText: String? {
    guard case .scalar(let scalar) = self else { return nil }
    return scalar.string
  }

  /// The text of a scalar without quotes: what may be a number or a truth value.
  var plainText: String? {
    guard case .scalar(let scalar) = self, !scalar.isQuoted else { return nil }
    return scalar.string
  }
}

/// A number as short as it reads back exactly: `60`, `0.003`.
func format(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : String(value)
}
