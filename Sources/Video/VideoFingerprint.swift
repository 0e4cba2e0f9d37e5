import CLibAV
import Foundation
import Glibc
import Tensors

/// Identifies how this machine decodes and scales: workers with different fingerprints may give different pixels.
package enum VideoFingerprint {
  /// 64-bit FNV-1a over the library versions and the pixels of an embedded clip, decoded and scaled; nil if it cannot be
  /// decoded here. Takes a few milliseconds.
  package static func compute() -> UInt64? {
    guard let clip = Data(base64Encoded: FingerprintClip.base64) else { return nil }
    let descriptor = clibav_memory_file("fingerprint.mp4")
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let written = clip.withUnsafeBytes { bytes in write(descriptor, bytes.baseAddress, bytes.count) }
    guard written == clip.count else { return nil }
    var hash = FNV1a()
    LibAV.versions.utf8.forEach { byte in hash.add(byte) }
    do {
      let decoder = try VideoDecoder(path: "/proc/self/fd/\(descriptor)")
      for format in PixelFormat.allCases {
        for size in [FrameSize.native, .exact(height: 128, width: 171), .shortEdge(37)] {
          let frames = try decoder.frames(at: Array(0..<decoder.info.frameCount), size: size, format: format)
          withExtendedLifetime(frames) { frames.buffer.bytes.forEach { byte in hash.add(byte) } }
        }
      }
    } catch {
      return nil
    }
    return hash.value
  }

  /// Versions of libav's libraries, for the message that refuses another fingerprint.
  package static var libraryVersions: String { LibAV.versions }
}

/// The FNV-1a hash, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv).
private struct FNV1a {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func add(_ byte: UInt8) {
    value = (value ^ UInt64(byte)) &* 0x100_0000_01B3
  }
}
