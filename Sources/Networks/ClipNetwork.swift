internal import Tensors

/// A network whose vectors are float32 whatever it computes in: what a run trains and scores with.
package protocol ClipNetwork: AnyObject {
  var layout: ParameterLayout { get }

  /// As ``Network/train(parameters:clips:labels:gradient:onNeed:onFinal:)``.
  func train(
    parameters: UnsafeBufferPointer<Float>, clips: UnsafePointer<UInt8>, labels: [[Int]],
    gradient: UnsafeMutableBufferPointer<Float>, onNeed: (Int) -> Void, onFinal: (Int) -> Void
  ) throws(NetworkError) -> TrainResult

  /// As ``Network/logits(parameters:clips:count:)``.
  func logits(
    parameters: UnsafeBufferPointer<Float>, clips: UnsafePointer<UInt8>, count: Int
  ) throws(NetworkError) -> [Float]
}

extension ClipNetwork {
  /// As the other, for who has all parameters and waits for the end.
  func train(
    parameters: UnsafeBufferPointer<Float>, clips: UnsafePointer<UInt8>, labels: [[Int]],
    gradient: UnsafeMutableBufferPointer<Float>
  ) throws(NetworkError) -> TrainResult {
    try train(
      parameters: parameters, clips: clips, labels: labels, gradient: gradient, onNeed: { _ in }, onFinal: { _ in })
  }
}

extension Network: ClipNetwork where Scalar == Float {}

extension NetworkDefinition {
  /// A network that computes in `precision`; the parameters are those of ``Network/init(_:batch:frames:height:width:threads:loss:precision:winograd:)``.
  package func network(
    batch: Int, frames: Int, height: Int, width: Int, threads: Int, loss: Loss = .softmax(), precision: Precision,
    winograd: Bool
  ) throws(NetworkError) -> any ClipNetwork {
    switch precision {
    case .float32, .mixed:
      try Network<Float>(
        self, batch: batch, frames: frames, height: height, width: width, threads: threads, loss: loss,
        precision: precision, winograd: winograd)
    case .float64:
      WideNetwork(
        try Network<Double>(
          self, batch: batch, frames: frames, height: height, width: width, threads: threads, loss: loss,
          precision: precision, winograd: winograd))
    }
  }
}

/// A network of float64: float32 parameters are widened, and each result is rounded once.
private final class WideNetwork: ClipNetwork {
  private let network: Network<Double>
  private var parameters: [Double]
  private var gradient: [Double]

  var layout: ParameterLayout { network.layout }

  init(_ network: Network<Double>) {
    self.network = network
    parameters = [Double](repeating: 0, count: network.layout.count)
    gradient = parameters
  }

  func train(
    parameters: UnsafeBufferPointer<Float>, clips: UnsafePointer<UInt8>, labels: [[Int]],
    gradient: UnsafeMutableBufferPointer<Float>, onNeed: (Int) -> Void, onFinal: (Int) -> Void
  ) throws(NetworkError) -> TrainResult {
    onNeed(parameters.count)
    widen(parameters)
    let result = try self.parameters.withUnsafeBufferPointer { (parameters) throws(NetworkError) in
      try self.gradient.withUnsafeMutableBufferPointer { (gradient) throws(NetworkError) in
        try network.train(parameters: parameters, clips: clips, labels: labels, gradient: gradient)
      }
    }
    for (index, value) in self.gradient.enumerated() { gradient[index] = Float(value) }
    return result
  }

  func logits(
    parameters: UnsafeBufferPointer<Float>, clips: UnsafePointer<UInt8>, count: Int
  ) throws(NetworkError) -> [Float] {
    widen(parameters)
    return try self.parameters.withUnsafeBufferPointer { (parameters) throws(NetworkError) in
      try network.logits(parameters: parameters, clips: clips, count: count).map { Float($0) }
    }
  }

  private func widen(_ values: UnsafeBufferPointer<Float>) {
    for (index, value) in values.enumerated() { parameters[index] = Double(value) }
  }
}
