/// A value that may be missing: `null` in JSON, where the key would be left out.
@propertyWrapper
package struct NullInJSON<Value: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
  package var wrappedValue: Value?

  package init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  package init(from decoder: any Decoder) throws { wrappedValue = try Value?(from: decoder) }

  package func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

extension KeyedDecodingContainer {
  /// A key that was left out is a missing value, too.
  package func decode<Value>(_ type: NullInJSON<Value>.Type, forKey key: Key) throws -> NullInJSON<Value> {
    NullInJSON(wrappedValue: try decodeIfPresent(Value.self, forKey: key))
  }
}
