internal import Foundation
internal import Glibc
internal import Tensors

/// The environment variable SLUICE_KERNELS: the kernels of this process and its children, instead of the processor's best.
package enum KernelsEnvironment {
  /// Applies it, before anything computes; ends the process when it names no kernels of this processor.
  package static func apply() {
    guard let name = ProcessInfo.processInfo.environment["SLUICE_KERNELS"], !name.isEmpty else { return }
    let available = KernelPath.allCases.filter(\.isAvailable)
    guard let path = KernelPath(rawValue: name), path.use() else {
      let choices = available.map(\.rawValue).joined(separator: ", ")
      FileHandle.standardError.write(
        Data(
          "Error: SLUICE_KERNELS or train.kernels is '\(name)', and this processor has \(choices): choose one of them.\n"
            .utf8))
      // The status of a worker that cannot do its work here and is not restarted.
      exit(3)
    }
  }
}
