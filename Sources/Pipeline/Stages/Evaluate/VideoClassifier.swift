import Foundation
package import Networks
package import Tensors
import Topology
package import Video

/// A weights file with what it says about itself: how clips are made and what the classes are called.
package struct TrainedModel: Sendable {
  package let definition: NetworkDefinition
  package let labels: [String]
  /// How its logits become scores.
  package let scores: ClipScores
  package var frames: Int
  package var stride: Int
  /// Rate of clips; nil for the videos' own.
  package var framesPerSecond: Double?
  package var size: FrameSize
  /// What it was trained on.
  package let format: PixelFormat
  /// Centre crop in pixels.
  package var crop: Int
  package let corpusDirectory: String?
  package let step: Int?
  fileprivate let vector: AlignedBuffer

  /// - Parameter path: a weights file, or a run's directory.
  /// - Throws: `.configuration` naming the file and what is missing in it.
  package init(path: String) throws {
    let file = RunDirectory.weightsFile(path)
    guard FileManager.default.fileExists(atPath: file) else {
      throw PipelineError(.configuration, "\(file): no weights there; give a weights file or a run that has ended")
    }
    let metadata = try Safetensors.read(file).metadata
    func value(_ key: String) throws -> String {
      guard let value = metadata[key] else {
        throw PipelineError(
          .configuration,
          "\(file): its metadata does not give \(key): sluice writes it, and scripts/python/convert_weights.py "
            + "does for weights of others")
      }
      return value
    }
    func number(_ key: String) throws -> Int {
      guard let number = Int(try value(key)), number > 0 else {
        throw PipelineError(.configuration, "\(file): \(key) in its metadata is not a positive number")
      }
      return number
    }
    do {
      labels = try JSONDecoder().decode([String].self, from: Data(try value("labels").utf8))
    } catch is DecodingError {
      throw PipelineError(.configuration, "\(file): labels in its metadata are not a JSON list")
    }
    definition = try NetworkDefinition(
      name: try value("network"), classes: labels.count, width: Double(try value("width")) ?? 1)
    frames = try number("frames")
    stride = try number("stride")
    framesPerSecond = try metadata["fps"].map { text in
      guard let rate = Double(text), rate.isFinite, rate > 0 else {
        throw PipelineError(.configuration, "\(file): fps in its metadata is not a positive number")
      }
      return rate
    }
    crop = try number("crop")
    size = try Self.size(try value("resize"), file: file)
    format = try Self.format(metadata["format"], crop: crop, file: file)
    scores = metadata["loss"] == "sigmoid" ? .sigmoid : .softmax
    corpusDirectory = metadata["corpus_directory"]
    step = metadata["step"].flatMap(Int.init)
    let layout = try ParameterLayout(definition)
    vector = AlignedBuffer(byteCount: layout.count * 4)
    vector.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    try Weights.load(file, layout: layout, definition: definition, head: .keep, into: vector.elements(Float.self))
  }

  /// Weights that do not say it were trained on RGB.
  private static func format(_ text: String?, crop: Int, file: String) throws -> PixelFormat {
    guard let text else { return .rgb24 }
    guard let format = PixelFormat(rawValue: text), format.side(crop) == crop else {
      throw PipelineError(
        .configuration, "\(file): format in its metadata is \(text), neither rgb24 nor yuv420p with an even crop")
    }
    return format
  }

  private static func size(_ text: String, file: String) throws -> FrameSize {
    if text.hasPrefix("short_edge:"), let edge = Int(text.dropFirst(11)) { return .shortEdge(edge) }
    let sides = text.split(separator: "x").compactMap { Int($0) }
    guard sides.count == 2 else {
      throw PipelineError(.configuration, "\(file): resize in its metadata is \(text), not HEIGHTxWIDTH")
    }
    return .exact(height: sides[0], width: sides[1])
  }
}

/// Scores videos with a trained model in this process: `evaluate` and `predict`. One thread uses it.
package final class VideoClassifier {
  /// What of a scaled frame is looked at.
  package enum Crop: String, Sendable, CaseIterable {
    /// The middle, as large as the crops the network was trained on.
    case center
    /// The largest square in the middle, at every place of which the network's classifier is applied.
    case full
  }

  package let average: ClipScores
  /// Height and width of what is looked at.
  package let side: Int

  private let model: TrainedModel
  private let clips: Int
  private let crop: Crop
  private let network: Network<Float>

  /// - Parameters:
  ///   - clips: uniformly spaced ones of each video.
  ///   - average: what is averaged over them; nil for what the network was trained to give.
  /// - Throws: `.configuration` when frames are scaled to less than the crop the network was trained on.
  package init(
    _ model: TrainedModel, clips: Int, crop: Crop = .center, average: ClipScores? = nil, threads: Int = 1
  ) throws {
    self.model = model
    self.clips = clips
    self.crop = crop
    self.average = average ?? model.scores
    if let shortest = model.size.shortestSide, shortest < model.crop {
      throw PipelineError(
        .configuration,
        "frames whose short side is scaled to \(shortest) are smaller than the crop of \(model.crop) that the network was "
          + "trained on")
    }
    side = model.format.side(crop == .full ? model.size.shortestSide ?? model.crop : model.crop)
    network = try Network<Float>(
      model.definition, batch: clips, frames: model.frames, height: side, width: side, threads: threads)
  }

  /// Scores of a video, one for each class.
  /// - Parameters:
  ///   - indexed: what an index says of the file.
  ///   - segment: the frames that count; nil is the whole file.
  /// - Throws: a ``ClipFailure`` when the video cannot be read.
  package func scores(path: String, indexed: IndexedVideo? = nil, segment: Range<Int>? = nil) throws -> [Float] {
    let frames: FrameTensor
    do {
      let decoder = try VideoDecoder(path: path, indexed: indexed)
      let segment = segment ?? 0..<decoder.info.frameCount
      guard !segment.isEmpty, segment.upperBound <= decoder.info.frameCount else {
        throw ClipFailure(
          reason: "\(path): has \(decoder.info.frameCount) frames, not the segment \(segment)", isTransient: false)
      }
      let stride = resampled(
        stride: model.stride, framesPerSecond: model.framesPerSecond, native: decoder.info.framesPerSecond)
      let starts = uniformClipStarts(clips: clips, frames: model.frames, stride: stride, frameCount: segment.count)
      let indices = starts.flatMap { start in
        Window.indices(start: start, count: model.frames, stride: stride, frameCount: segment.count)
          .map { segment.lowerBound + $0 }
      }
      frames = try decoder.frames(at: indices, size: model.size, format: model.format)
    } catch let error as VideoError {
      throw ClipFailure(reason: error.message, isTransient: error.isTransient)
    }
    return try score(frames, path: path)
  }

  private func score(_ frames: FrameTensor, path: String) throws -> [Float] {
    let crop = side
    guard frames.height >= crop, frames.width >= crop else {
      throw ClipFailure(
        reason: "\(path): scaled frames of \(frames.width)x\(frames.height) are smaller than the crop of \(crop)",
        isTransient: false)
    }
    let input = frames.cropped(
      frames: 0..<clips * model.frames, top: (frames.height - crop) / 4 * 2, left: (frames.width - crop) / 4 * 2,
      side: crop
    ).rgb()
    defer { withExtendedLifetime(input) {} }
    let parameters = UnsafeBufferPointer(model.vector.elements(Float.self))
    let pixels = UnsafePointer(input.buffer.elements(UInt8.self).baseAddress!)
    let logits =
      switch self.crop {
      case .center: try network.logits(parameters: parameters, clips: pixels, count: clips)
      case .full: try network.cellLogits(parameters: parameters, clips: pixels, count: clips, trained: model.crop)
      }
    return average(logits, classes: model.labels.count)
  }
}

extension FrameSize {
  /// The smaller side after scaling, where it does not depend on the video.
  fileprivate var shortestSide: Int? {
    switch self {
    case .native: nil
    case .exact(let height, let width): min(height, width)
    case .shortEdge(let side): side
    }
  }
}
