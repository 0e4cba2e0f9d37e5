import Tensors
import Testing

@Suite("The table of measured methods")
struct MethodTableTests {
  private func shape(_ inputs: Int, _ outputs: Int, _ size: Int, kernel: Extent = Extent(1, 3, 3)) -> ConvolutionShape {
    ConvolutionShape(
      batch: 2, input: Extent(4, size, size), inChannels: inputs, outChannels: outputs, kernel: kernel,
      stride: Extent(1, 1, 1), padding: Extent(0, kernel.height / 2, kernel.width / 2))
  }

  private func row(_ shape: ConvolutionShape, _ method: ConvolutionMethod) -> MethodTable.Row {
    MethodTable.Row(path: .avx2, isMixed: false, shape: shape, pass: .forward, method: method)
  }

  @Test("the nearest measured shape decides; other kernels, passes, paths and precisions do not")
  func nearest() {
    let table = MethodTable(rows: [
      row(shape(64, 144, 56), .winograd(.f4x4, shared: false)), row(shape(512, 1152, 7), .unfolded()),
    ])
    func method(
      _ shape: ConvolutionShape, _ pass: ConvolutionPass = .forward, path: KernelPath = .avx2, mixed: Bool = false
    ) -> ConvolutionMethod? { table.method(shape, pass, path: path, mixed: mixed) }
    #expect(method(shape(32, 72, 28)) == .winograd(.f4x4, shared: false))
    #expect(method(shape(256, 576, 14)) == .unfolded())
    #expect(method(shape(64, 144, 56, kernel: Extent(1, 1, 1))) == nil)
    #expect(method(shape(64, 144, 56), .backwardData) == nil)
    #expect(method(shape(64, 144, 56), path: .avx512) == nil)
    #expect(method(shape(64, 144, 56), mixed: true) == nil)
  }

  @Test("the text reads back, and another line makes another fingerprint")
  func text() throws {
    let measured = MethodTable.measured
    #expect(!measured.rows.isEmpty)
    let copy = try #require(MethodTable(text: measured.text))
    #expect(copy.rows == measured.rows && copy.fingerprint == measured.fingerprint)
    let shorter = MethodTable(rows: Array(measured.rows.dropLast()))
    #expect(shorter.fingerprint != measured.fingerprint)
    for broken in [
      "avx2 float32 1x3x3", "avx2 float32 1x3x3 1x1x1 64 144 0 forward unfolded",
      "avx2 float32 1x3x3 1x1x1 64 144 9 forward fast",
    ] {
      #expect(MethodTable(text: broken) == nil, "\(broken)")
    }
  }

  @Test("a pruned table decides the same")
  func pruned() {
    let shapes = [shape(64, 144, 56), shape(128, 288, 28), shape(256, 576, 14), shape(512, 1152, 7)]
    let methods: [ConvolutionMethod] = [
      .winograd(.f4x4, shared: false), .winograd(.f4x4, shared: false), .winograd(.f4x4, shared: true), .unfolded(),
    ]
    let pruned = MethodTable(rows: []).updated(with: zip(shapes, methods).map { row($0, $1) }, shapes: shapes)
    #expect(pruned.rows.count == 3)
    for (shape, method) in zip(shapes, methods) {
      #expect(pruned.method(shape, .forward, path: .avx2, mixed: false) == method)
    }
  }

  @Test("new measurements replace those of the same subjects and leave the others")
  func updated() {
    let (old, same, new) = (shape(64, 144, 56), shape(128, 288, 28), shape(256, 576, 14))
    let otherPath = MethodTable.Row(
      path: .avx512, isMixed: false, shape: same, pass: .forward, method: .winograd(.f2x2, shared: true))
    let table = MethodTable(rows: [row(old, .unfolded()), row(same, .unfolded()), otherPath])
    let updated = table.updated(
      with: [row(same, .winograd(.f4x4, shared: true)), row(new, .unfolded())], shapes: [same, new])
    #expect(
      updated.rows == [
        row(old, .unfolded()), otherPath, row(same, .winograd(.f4x4, shared: true)), row(new, .unfolded()),
      ])
  }

  @Test("every method is one the shape allows, and reads back by name")
  func methods() {
    for method in ConvolutionMethod.all { #expect(ConvolutionMethod(method.description) == method) }
    for shape in ConvolutionTests.shapes {
      for pass in ConvolutionPass.allCases {
        for path in KernelPath.allCases {
          var choice = ConvolutionChoice()
          for mixed in path.hasBFloat16 ? [false, true] : [false] {
            choice.usesBFloat16 = mixed
            let method = choice.method(shape, pass, path: path)
            #expect(ConvolutionChoice.methods(shape, pass).contains(method) && (mixed || !method.usesBFloat16))
            choice.allowsWinograd = false
            #expect(!choice.method(shape, pass, path: path).isWinograd)
            choice.allowsWinograd = true
          }
        }
      }
    }
  }
}
