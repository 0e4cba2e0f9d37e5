internal import CZeroMQ

/// The memory of another process of this machine, as the kernel lets its user read it (`process_vm_readv`).
package enum ProcessMemory {
  /// Copies `target.count` bytes that lie at `address` in the process: one copy, where a socket makes two.
  ///
  /// - Returns: false when the kernel does not allow it (another user, Yama, a container's filter), or the process or its
  ///   memory is not there. The bytes may change while they are copied: only a checksum of `target` tells what came.
  package static func read(process: Int32, address: UInt64, into target: UnsafeMutableRawBufferPointer) -> Bool {
    sluice_read_process(process, address, target.baseAddress, target.count) == target.count
  }
}
