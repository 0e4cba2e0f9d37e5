internal import CKernels

/// The instruction set the kernels run on. Element-wise ones give the same bits on all, convolutions do not.
package enum KernelPath: String, Sendable, CaseIterable {
  case portable
  case avx2
  case avx512
  /// AVX-512 with dot products of bfloat16; the same as `avx512` in float32.
  case avx512BFloat16 = "avx512-bf16"

  /// The path in use: the best this processor has, unless `use` chose another.
  package static var current: KernelPath {
    switch sluice_current_path() {
    case sluice_path_avx512: .avx512
    case sluice_path_avx512_bf16: .avx512BFloat16
    case sluice_path_avx2: .avx2
    default: .portable
    }
  }

  /// Chooses this path for the whole process, while no kernel runs.
  /// - Returns: false, with nothing changed, if the processor lacks it.
  package func use() -> Bool { sluice_use_path(inC) }

  /// Runs `body` with this path, which the processor must have, on the calling thread.
  package func onThisThread<Result>(_ body: () throws -> Result) rethrows -> Result {
    precondition(isAvailable, "this processor has no \(rawValue)")
    sluice_use_path_on_thread(Int32(bitPattern: inC.rawValue))
    defer { sluice_use_path_on_thread(-1) }
    return try body()
  }

  /// Whether this processor has it.
  package var isAvailable: Bool { sluice_has_path(inC) }

  private var inC: sluice_path {
    switch self {
    case .portable: sluice_path_portable
    case .avx2: sluice_path_avx2
    case .avx512: sluice_path_avx512
    case .avx512BFloat16: sluice_path_avx512_bf16
    }
  }

  /// Whether it has products of bfloat16.
  package var hasBFloat16: Bool { sluice_bfloat16_products_of(inC) != nil }

  var convolutionKernels: sluice_convolution_kernels { sluice_convolution_kernels_of(inC).pointee }

  /// Its products; those of bfloat16 only if it has them.
  func products(bfloat16: Bool) -> sluice_products {
    bfloat16 ? sluice_bfloat16_products_of(inC)!.pointee : sluice_float32_products_of(inC).pointee
  }

  var timeKernels: sluice_time_kernels { sluice_time_kernels_of(inC).pointee }

  func winograd(_ variant: WinogradVariant) -> sluice_winograd_kernels {
    sluice_winograd_kernels_of(inC, variant.inC)!.pointee
  }

  /// What decides the bits of float32 results: OpenBLAS's build and core, this path, and the table of methods.
  package static var numericsDescription: String {
    "\(BLAS.configuration), kernels \(current.rawValue), methods \(MethodTable.measured.fingerprint)"
  }
}
