/// The fields of a row of metadata that the index wants.
enum MetadataField: Int, CaseIterable, Sendable {
  case file, hashtags, start, end, duration, member, offset, bytes, split
}

/// Where the fields of one row are in its bytes; the same value is used for row after row.
struct MetadataFields {
  /// Bytes of the row.
  struct Text: Equatable {
    var range: Range<Int>
    /// Whether there are escapes in it: JSON's, or CSV's doubled quotes.
    var isEscaped = false
  }

  private var values: [Text?] = Array(repeating: nil, count: MetadataField.allCases.count)
  /// The elements of a list of hashtags; of a text with several in it, that is `self[.hashtags]`.
  var hashtags: [Text] = []

  subscript(field: MetadataField) -> Text? {
    get { values[field.rawValue] }
    set { values[field.rawValue] = newValue }
  }

  mutating func clear() {
    for index in values.indices { values[index] = nil }
    hashtags.removeAll(keepingCapacity: true)
  }
}

/// What is wrong with a row of metadata.
struct MetadataMistake: Error, Equatable {
  let message: String
}
