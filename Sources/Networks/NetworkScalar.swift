package import Tensors

/// An element type networks compute in: Float for training, Double as the scalar reference.
package protocol NetworkScalar: KernelScalar {}

extension Float: NetworkScalar {}
extension Double: NetworkScalar {}
