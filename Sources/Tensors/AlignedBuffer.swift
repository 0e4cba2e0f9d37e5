internal import Glibc

/// An owned block of raw memory, aligned to 64 bytes, large ones in huge pages where there are: frames, clips, gradient blocks and parameters live in these.
///
/// A buffer has one writer until it is published (sent to another actor, handed to a socket); from then on nobody
/// writes to it.
package final class AlignedBuffer: @unchecked Sendable {
  // Sendable: `bytes` never changes after `init`; the contents are written by one owner before publication only.

  /// The memory, uninitialised at first.
  package let bytes: UnsafeMutableRawBufferPointer

  package var byteCount: Int { bytes.count }

  /// - Parameter byteCount: size in bytes, at least 0.
  package init(byteCount: Int) {
    let isLarge = byteCount >= 4 * Self.hugePage
    bytes = .allocate(byteCount: max(byteCount, 1), alignment: isLarge ? Self.hugePage : 64)
      .rebased(to: byteCount)
    // Advice only: a kernel without huge pages changes nothing.
    if isLarge { madvise(bytes.baseAddress, byteCount, MADV_HUGEPAGE) }
  }

  private static let hugePage = 2 << 20

  deinit {
    UnsafeMutableRawPointer(bytes.baseAddress!).deallocate()
  }

  /// The memory seen as elements of `type`; bind only types without references.
  package func elements<Element: BitwiseCopyable>(_ type: Element.Type) -> UnsafeMutableBufferPointer<Element> {
    bytes.bindMemory(to: type)
  }
}

extension UnsafeMutableRawBufferPointer {
  fileprivate func rebased(to count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: baseAddress, count: count)
  }
}
