package import Corpus
internal import Networks
internal import Tensors

/// Features of an index' videos, made by a trained network: a safetensors file, whose rows are scaled to length 1 here.
///
/// Tensors: `features`, (N, D) float32, a row a frame or a video; `rows`, (N) int64, the index' row that each is of; if there is one,
/// `seconds`, (N) float32, where the frame is, since the start of the video's segment. If the metadata has `corpus`, it is the index'
/// fingerprint.
package struct FeatureFile: Sendable {
  package let path: String
  /// N.
  package let count: Int
  /// D.
  package let dimensions: Int
  /// Row of the index, of each.
  package let rows: [Int]
  private let seconds: [Float]?
  /// (N, D) Float32.
  private let features: AlignedBuffer

  /// - Throws: `features` for a file that is not of this layout or of another index, for rows that are not in the index, are not finite or
  ///   nothing but zeros; of those the first is named. `NetworkError` for one that is no safetensors file.
  package init(path: String, of corpus: Corpus) throws {
    let (tensors, metadata) = try Safetensors.read(path)
    func failure(_ reason: String) -> DeduplicationError { DeduplicationError(.features, "\(path): \(reason)") }
    if let fingerprint = metadata["corpus"], fingerprint != corpus.fingerprint {
      throw failure("features of another index than that of \(corpus.directory): make them again")
    }
    func tensor(_ name: String, _ type: ElementType, count: Int? = nil) throws -> Safetensors.Tensor? {
      guard let tensor = tensors.first(where: { $0.name == name }) else { return nil }
      let isFitting = count.map { tensor.dimensions == [$0] } ?? (tensor.dimensions.count == 2)
      guard tensor.elementType == type, isFitting else {
        throw failure(
          "`\(name)` has the shape \(tensor.dimensions) of \(tensor.elementType); it must be "
            + "\(count.map { "[\($0)]" } ?? "(rows, dimensions)") of \(type)")
      }
      return tensor
    }
    guard let features = try tensor("features", .float32), features.dimensions.allSatisfy({ $0 > 0 }) else {
      throw failure("has no tensor `features`, or nothing in it")
    }
    let (count, dimensions) = (features.dimensions[0], features.dimensions[1])
    guard let rows = try tensor("rows", .int64, count: count) else {
      throw failure("has no tensor `rows`: the row of the index that each row of the features is of")
    }
    (self.path, self.count, self.dimensions, self.features) = (path, count, dimensions, features.buffer)
    self.rows = rows.buffer.elements(Int64.self).map { Int($0) }
    seconds = try tensor("seconds", .float32, count: count).map { Array($0.buffer.elements(Float.self)) }
    if let place = seconds?.firstIndex(where: { !$0.isFinite || $0 < 0 }) {
      throw failure("row \(place) of `seconds` is \(seconds?[place] ?? 0)")
    }
    let known = corpus.rows(splits: Split.allCases)
    for (place, row) in self.rows.enumerated() {
      guard known.contains(where: { $0.contains(row) }) else {
        throw failure("`rows` has \(row) at place \(place), which is no row of the index of \(corpus.directory)")
      }
      guard normalize(place) else {
        throw failure(
          "row \(place) of `features`, of \(try corpus.video(row: row).file), is not finite or all zeros; without it "
            + "the video is kept")
      }
    }
  }

  /// - Returns: whether the row has a direction.
  private func normalize(_ place: Int) -> Bool {
    let place = place * dimensions..<(place + 1) * dimensions
    let row = UnsafeMutableBufferPointer(rebasing: features.elements(Float.self)[place])
    let length = row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard length.isFinite, length > 0 else { return false }
    for index in row.indices { row[index] = Float(Double(row[index]) / length) }
    return true
  }

  /// Where the frame of a row is; the middle of its video if the file does not say.
  func seconds(_ place: Int, of video: VideoRecord) -> Float { seconds?[place] ?? Float(video.seconds / 2) }

  /// Cosines of some rows and some of another file's.
  ///
  /// - Parameter cosines: (places, others), written.
  func cosines(
    _ places: Range<Int>, with other: FeatureFile, _ others: Range<Int>, into cosines: UnsafeMutablePointer<Float>
  ) {
    withExtendedLifetime((features, other.features)) {
      guard let own = features.elements(Float.self).baseAddress,
        let theirs = other.features.elements(Float.self).baseAddress
      else { return }
      BLAS.product(
        rows: places.count, columns: others.count, inner: dimensions, own + places.lowerBound * dimensions,
        lda: dimensions, theirs + others.lowerBound * dimensions, ldb: dimensions, transposeB: true, beta: 0, cosines,
        ldc: others.count)
    }
  }
}
