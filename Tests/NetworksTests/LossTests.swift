import Networks
import Tensors
import Testing

@Suite("Losses")
struct LossTests {
  private static let logits = [0.5, -1.25, 3, 0, -2, 0.75, 0.25, 1.5, 40, -60, 2, -1]

  private func evaluate(_ loss: Loss, _ labels: [[Int]], _ logits: [Double] = logits) -> (TrainResult, [Double]) {
    var row = logits
    let result = row.withUnsafeMutableBufferPointer {
      loss.evaluate($0.baseAddress!, classes: $0.count / labels.count, labels: labels)
    }
    return (result, row)
  }

  /// Values of torch.nn.functional.cross_entropy(…, label_smoothing: s) in float64, PyTorch 2.13.
  @Test(
    "softmax cross-entropy with label smoothing is PyTorch's",
    arguments: [
      (
        0.0, 34.739363923674354,
        [
          0.023872960123907085, 0.004148498422566564, -0.04250114079972037, 0.014479682253246758, -0.32770705733381095,
          0.08800976433937148, 0.053380620425912385, 0.18631667256852705, 0.3333333333333333, -0.3333333333333333,
          1.0463775973493431e-17, 5.209607297783296e-19,
        ]
      ),
      (
        0.1, 32.90811392367436,
        [
          0.015539626790573757, -0.0041848349107667685, -0.017501140799720358, 0.006146348919913426,
          -0.302707057333811, 0.07967643100603818, 0.04504728709257907, 0.17798333923519377, 0.32500000000000007,
          -0.30833333333333335, -0.008333333333333323, -0.008333333333333333,
        ]
      ),
      (
        0.5, 25.583113923674354,
        [
          -0.01779370654275958, -0.0375181682441001, 0.08249885920027963, -0.027186984413419907, -0.20270705733381092,
          0.046343097672704815, 0.011713953759245721, 0.1446500059018604, 0.29166666666666663, -0.20833333333333331,
          -0.04166666666666665, -0.041666666666666664,
        ]
      ),
    ])
  func softmax(smoothing: Double, loss: Double, gradient: [Double]) {
    let (result, row) = evaluate(.softmax(smoothing: smoothing), [[2], [0], [1]])
    #expect(abs(result.loss - loss) < 1e-12)
    #expect(zip(row, gradient).allSatisfy { abs($0 - $1) < 1e-15 })
    #expect(result.correct == 1)
    // Only the first label counts.
    #expect(evaluate(.softmax(smoothing: smoothing), [[2, 1], [0, 3], [1, 0]]) == (result, row))
  }

  /// Values of torch.nn.functional.binary_cross_entropy_with_logits in float64, PyTorch 2.13.
  @Test("the logistic loss of several labels a clip is PyTorch's")
  func sigmoid() {
    let (result, row) = evaluate(.sigmoid, [[2, 1], [0], [1, 3]])
    #expect(abs(result.loss - 9.370756834269985) < 1e-13)
    let gradient = [
      0.05187161093348788, -0.06477498843122427, -0.003952156098130553, 0.041666666666666664, -0.07339975649815687,
      0.05659822493128275, 0.046848041740483175, 0.0681312063494703, 0.08333333333333333, -0.08333333333333333,
      0.07339975649815686, -0.06092154821916707,
    ]
    #expect(zip(row, gradient).allSatisfy { abs($0 - $1) < 1e-15 })
    #expect(result.correct == 1, "clip 0, whose highest score is of its label 2")
  }

  @Test(
    "a loss of what is not a number is not a number", arguments: [Loss.softmax(), .softmax(smoothing: 0.1), .sigmoid])
  func notFinite(loss: Loss) {
    #expect(!evaluate(loss, [[1]], [1, 2, .nan]).0.loss.isFinite)
    #expect(!evaluate(loss, [[1]], [1, .nan, 2]).0.loss.isFinite)
  }

  @Test(
    "float64 gradients through a network are finite differences",
    arguments: [Loss.softmax(smoothing: 0.2), .sigmoid])
  func finiteDifferences(loss: Loss) throws {
    let fixture = try Fixture<Double>("r2plus1d-10", size: 24, loss: loss)
    try GradientTests().compareWithDifferences(fixture, every: 7)
  }

  @Test("a clip without a label, or with one that is no class, is an error", arguments: [[[0], []], [[0], [1, 5]]])
  func badLabels(labels: [[Int]]) throws {
    let fixture = try Fixture<Float>("r2plus1d-10", classes: 5, loss: .sigmoid)
    var gradient = fixture.parameters
    #expect(throws: NetworkError.self) {
      try gradient.withUnsafeMutableBufferPointer { gradient in
        try fixture.parameters.withUnsafeBufferPointer { parameters in
          try fixture.clips.withUnsafeBufferPointer {
            _ = try fixture.network.train(
              parameters: parameters, normalizedClips: $0, labels: labels, gradient: gradient)
          }
        }
      }
    }
  }
}
