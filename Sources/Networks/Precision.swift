/// The arithmetic a network computes in.
package enum Precision: String, Sendable, CaseIterable {
  case float32
  /// bfloat16 products where they are faster.
  case mixed
  /// The scalar reference.
  case float64

  /// The error for a precision this build does not compute in.
  var unavailable: NetworkError {
    NetworkError(.invalidDefinition, "The precision '\(rawValue)' is not available; choose float32 or float64.")
  }
}
