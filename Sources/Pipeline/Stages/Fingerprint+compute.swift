import Networks
import Video

extension Fingerprint {
  /// Of decoding and scaling an embedded clip.
  static func decode() -> Fingerprint {
    Fingerprint(
      kind: .decode, value: VideoFingerprint.compute().map(hexadecimal) ?? "unavailable",
      description: VideoFingerprint.libraryVersions)
  }

  /// Of a small fixed forward, backward and SGD computation.
  static func numerics() -> Fingerprint {
    Fingerprint(
      kind: .numerics, value: hexadecimal(NumericsFingerprint.compute()), description: NumericsFingerprint.description)
  }
}
