/// Which method is the fastest for which shape, as measured by `sluice bench kernels`: never timed while training.
///
/// Shapes that were not measured take the method of the nearest that was, by the ratios of channels and of the frame's area.
package struct MethodTable: Sendable {
  /// One measurement's winner.
  package struct Row: Sendable, Equatable {
    package let path: KernelPath
    /// Whether products of bfloat16 took part.
    package let isMixed: Bool
    package let kernel: Extent
    package let stride: Extent
    package let inChannels: Int
    package let outChannels: Int
    /// Height times width of the input.
    package let area: Int
    package let pass: ConvolutionPass
    package let method: ConvolutionMethod

    package init(
      path: KernelPath, isMixed: Bool, shape: ConvolutionShape, pass: ConvolutionPass, method: ConvolutionMethod
    ) {
      self.path = MethodTable.measuredPath(path, mixed: isMixed)
      self.isMixed = isMixed
      kernel = shape.kernel
      stride = shape.stride
      inChannels = shape.inChannels
      outChannels = shape.outChannels
      area = shape.input.height * shape.input.width
      self.pass = pass
      self.method = method
    }

    /// Whether it says something about this pass of a shape.
    fileprivate func concerns(_ shape: ConvolutionShape, _ pass: ConvolutionPass, _ path: KernelPath, mixed: Bool)
      -> Bool
    {
      self.path == path && isMixed == mixed && self.pass == pass && kernel == shape.kernel && stride == shape.stride
    }

    /// Path, precision, kernel, stride, channels in and out, area and pass, as one text: what was measured.
    package var subject: String {
      [
        path.rawValue, isMixed ? "mixed" : "float32", "\(kernel)", "\(stride)", "\(inChannels)", "\(outChannels)",
        "\(area)", pass.rawValue,
      ].joined(separator: " ")
    }

    /// How far the shape is from the measured one; exact in every comparison that matters, since it is a sum of ratios.
    fileprivate func distance(_ shape: ConvolutionShape) -> Double {
      func ratio(_ a: Int, _ b: Int) -> Double { Double(max(a, b)) / Double(min(a, b)) }
      return ratio(inChannels, shape.inChannels) + ratio(outChannels, shape.outChannels)
        + ratio(area, shape.input.height * shape.input.width)
    }
  }

  package private(set) var rows: [Row]

  package init(rows: [Row]) { self.rows = rows }

  /// In float32 both paths of AVX-512 are one.
  fileprivate static func measuredPath(_ path: KernelPath, mixed: Bool) -> KernelPath {
    path == .avx512BFloat16 && !mixed ? .avx512 : path
  }

  /// The winner among the measured shapes nearest to this one, the first of equals; nil if no such kernel was measured.
  package func method(_ shape: ConvolutionShape, _ pass: ConvolutionPass, path: KernelPath, mixed: Bool)
    -> ConvolutionMethod?
  {
    let path = Self.measuredPath(path, mixed: mixed)
    return rows.filter { $0.concerns(shape, pass, path, mixed: mixed) }.min { $0.distance(shape) < $1.distance(shape) }?
      .method
  }

  /// With new measurements, in the places of earlier ones of the same subjects; without the new rows that others imply.
  /// - Parameter shapes: one for each row: the shape that it was measured on.
  package func updated(with measured: [Row], shapes: [ConvolutionShape]) -> MethodTable {
    precondition(shapes.count == measured.count, "a shape a row")
    let subjects = Set(measured.map(\.subject))
    var kept = MethodTable(rows: rows.filter { !subjects.contains($0.subject) } + measured)
    for row in measured {
      var candidate = kept
      candidate.rows.removeAll { $0 == row }
      let isImplied = zip(measured, shapes).allSatisfy { row, shape in
        candidate.method(shape, row.pass, path: row.path, mixed: row.isMixed) == row.method
      }
      if isImplied { kept = candidate }
    }
    return kept
  }
}

extension MethodTable {
  /// A line a row: its subject and method.
  package var text: String { rows.map(\.line).joined(separator: "\n") }

  /// Reads what `text` writes.
  /// - Returns: nil if a line is none.
  package init?(text: String) {
    var rows: [Row] = []
    for line in text.split(separator: "\n") {
      guard let row = Row(line: line) else { return nil }
      rows.append(row)
    }
    self.rows = rows
  }

  /// FNV-1a of the text, in hexadecimal: part of a run's identity.
  package var fingerprint: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension MethodTable.Row {
  fileprivate var line: String { "\(subject) \(method)" }

  fileprivate init?(line: Substring) {
    let words = line.split(separator: " ").map(String.init)
    guard words.count == 9, let path = KernelPath(rawValue: words[0]), ["mixed", "float32"].contains(words[1]),
      let kernel = Extent(words[2]), let stride = Extent(words[3]), let inChannels = Int(words[4]), inChannels > 0,
      let outChannels = Int(words[5]), outChannels > 0, let area = Int(words[6]), area > 0,
      let pass = ConvolutionPass(rawValue: words[7]), let method = ConvolutionMethod(words[8])
    else { return nil }
    self.path = path
    isMixed = words[1] == "mixed"
    self.kernel = kernel
    self.stride = stride
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.area = area
    self.pass = pass
    self.method = method
  }
}

/// `frames`x`height`x`width`.
extension Extent: LosslessStringConvertible {
  package var description: String { "\(frames)x\(height)x\(width)" }

  package init?(_ description: String) {
    let sizes = description.split(separator: "x", omittingEmptySubsequences: false).compactMap { Int($0) }
    guard sizes.count == 3, sizes.allSatisfy({ $0 > 0 }) else { return nil }
    self.init(sizes[0], sizes[1], sizes[2])
  }
}
