internal import Crypto
internal import Foundation

extension Weights {
  /// `parameters_sha256`: SHA-256, in hexadecimal, of the little-endian float32 bytes of all parameters and running statistics in
  /// torchvision's layout, names sorted bytewise, without `num_batches_tracked`.
  package static func sha256(_ vector: UnsafeBufferPointer<Float>, layout: ParameterLayout) -> String {
    precondition(vector.count == layout.count, "a vector of the layout's size")
    var hash = SHA256()
    let sorted = layout.segments.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for segment in sorted {
      hash.update(bufferPointer: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: vector[segment.range])))
    }
    return hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined()
  }
}
