internal import Yams

extension Topology.Clip {
  static func read(_ section: SectionReader?) -> Topology.Clip {
    guard let section else {
      return Topology.Clip(
        frames: 1, stride: 1, slack: 0, resize: .exact(height: 8, width: 8), crop: 8, mirror: true,
        directional: [], echo: 1)
    }
    defer { section.finish() }
    let resize = readResize(section)
    let clip = Topology.Clip(
      frames: section.integer("frames", in: 1...1024),
      stride: section.integer("stride", default: 1, in: 1...1000),
      framesPerSecond: section.optionalNumber("fps", in: 0.1...1000),
      slack: section.integer("slack", default: 0, in: 0...1024),
      resize: resize ?? .exact(height: 4096, width: 4096),
      crop: section.integer("crop", in: 8...4096),
      mirror: section.boolean("mirror", default: true),
      directional: section.strings("directional"),
      echo: section.integer("echo", default: 1, in: 1...1024))
    if let resize, section.has("crop"), clip.crop > resize.shortestSide {
      section.fail("crop", "\(clip.crop) does not fit into frames whose short side is \(resize.shortestSide)")
    }
    return clip
  }

  private static func readResize(_ section: SectionReader) -> Resize? {
    let sides = readShortEdge(section)
    guard section.has("resize") else {
      _ = section.entry("resize", required: false)  // a key that is known, also when it is absent
      if sides == nil, !section.has("short_edge") {
        section.issues.add(
          "missing: give `resize: [height, width]`, `short_edge: side` or `short_edge: [least, most]`",
          path: section.path(of: "resize"),
          line: section.line)
      }
      return sides.map { .shortEdge($0) }
    }
    if section.has("short_edge") {
      section.fail("short_edge", "give either `resize` or `short_edge`, not both")
    }
    guard let size = section.integers("resize", in: 8...4096) else { return nil }
    guard size.count == 2 else {
      section.fail("resize", "expected [height, width], found \(size.count) numbers")
      return nil
    }
    return .exact(height: size[0], width: size[1])
  }

  /// One side, or the least and the most.
  private static func readShortEdge(_ section: SectionReader) -> ClosedRange<Int>? {
    guard let entry = section.entry("short_edge", required: false) else { return nil }
    guard entry.value.sequence != nil else {
      return section.optionalInteger("short_edge", in: 8...4096).map { $0...$0 }
    }
    guard let sides = section.integers("short_edge", in: 8...4096) else { return nil }
    guard sides.count == 2, sides[0] <= sides[1] else {
      section.fail("short_edge", "expected a side or [least, most]")
      return nil
    }
    return sides[0]...sides[1]
  }
}

extension Topology {
  /// Planes are cut at even places.
  func checkPlanes(_ root: SectionReader) {
    guard links.format == .yuv420p, clip.crop % 2 != 0 else { return }
    let section = root.section("clip", required: false)
    section?.fail("crop", "\(clip.crop) is odd; `links.format: yuv420p` needs an even one")
  }

  /// The clips of a window must not be in batches of two replicas.
  func checkEcho(_ root: SectionReader) {
    guard train.batch % clip.echo != 0, let section = root.section("clip", required: false) else { return }
    section.fail("echo", "\(clip.echo) clips of a window do not fit into a batch of \(train.batch) evenly")
  }
}

extension Topology.Train {
  private static let kernelNames = ["avx512-bf16", "avx512", "avx2", "portable"]

  static func read(_ section: SectionReader?) -> Topology.Train {
    guard let section else { return placeholder }
    defer { section.finish() }
    let replicas = section.integer("replicas", default: 1, in: 1...65_536)
    let (steps, epochs) = readLength(section)
    let network = section.string("network")
    if section.has("network"), !Topology.networkNames.contains(network) {
      section.fail(
        "network", "unknown network `\(network)`; known: \(Topology.networkNames.joined(separator: ", "))")
    }
    let kernels = section.optionalString("kernels")
    if let kernels, !kernelNames.contains(kernels) {
      section.fail("kernels", "expected \(kernelNames.joined(separator: " or ")), found `\(kernels)`")
    }
    let (loss, labelSmoothing) = readLoss(section)
    return Topology.Train(
      network: network,
      width: section.number("width", default: 1, in: 0.01...4),
      replicas: replicas,
      batch: section.integer("batch", in: 1...4096),
      steps: steps,
      epochs: epochs,
      threads: section.integer("threads", default: 1, in: 1...256),
      learningRate: readLearningRate(section, replicas: replicas),
      momentum: section.number("momentum", default: 0.9, in: 0...0.999999),
      nesterov: section.boolean("nesterov", default: true),
      weightDecay: section.number("weight_decay", default: 1e-4, in: 0...1),
      warmUp: readWarmUp(section.section("warm_up", required: false)),
      schedule: readSchedule(section),
      localSteps: section.integer("local_steps", default: 1, in: 1...100_000),
      loss: loss,
      labelSmoothing: labelSmoothing,
      clipNorm: section.optionalNumber("clip_norm", in: 1e-9...1e9),
      weights: section.optionalString("weights"),
      head: section.choice("head", default: .keep),
      inflate: readInflation(section),
      kernels: kernels,
      precision: section.choice("precision", default: .float32),
      winograd: section.boolean("winograd", default: true),
      transfer: section.choice("transfer", default: .float32))
  }

  private static var placeholder: Topology.Train {
    Topology.Train(
      network: "r2plus1d-18", width: 1, replicas: 1, batch: 1, steps: 1, epochs: nil, threads: 1, learningRate: 1,
      momentum: 0, nesterov: true, weightDecay: 0, warmUp: .steps(0), schedule: .constant, localSteps: 1,
      loss: .softmax, labelSmoothing: 0, clipNorm: nil, weights: nil, head: .keep, inflate: false, kernels: nil,
      precision: .float32, winograd: true, transfer: .float32)
  }

  private static func readLoss(_ section: SectionReader) -> (Loss, smoothing: Double) {
    let loss: Loss = section.choice("loss", default: .softmax)
    let smoothing = section.number("label_smoothing", default: 0, in: 0...0.999999)
    if loss == .sigmoid, smoothing > 0 {
      section.fail("label_smoothing", "is for `loss: softmax` only")
    }
    return (loss, smoothing)
  }

  private static func readInflation(_ section: SectionReader) -> Bool {
    let inflate = section.boolean("inflate", default: false)
    if inflate, !section.has("weights") {
      section.fail("inflate", "give the network on single frames to start from as `weights`")
    }
    return inflate
  }

  private static func readLength(_ section: SectionReader) -> (steps: Int?, epochs: Double?) {
    let steps = section.optionalInteger("steps", in: 1...1_000_000_000)
    let epochs = section.optionalNumber("epochs", in: 1e-6...1e6)
    if section.has("steps"), section.has("epochs") {
      section.fail("epochs", "give either `steps` or `epochs`, not both")
    } else if !section.has("steps"), !section.has("epochs") {
      section.issues.add("missing: give `steps` or `epochs`", path: section.path(of: "steps"), line: section.line)
    }
    return (steps, epochs)
  }

  private static func readLearningRate(_ section: SectionReader, replicas: Int) -> Double {
    let range = 0.0...1e4
    let total = section.optionalNumber("learning_rate", in: range)
    let perReplica = section.optionalNumber("learning_rate_per_replica", in: range)
    if section.has("learning_rate"), section.has("learning_rate_per_replica") {
      section.fail(
        "learning_rate_per_replica", "give either `learning_rate` or `learning_rate_per_replica`, not both")
    } else if !section.has("learning_rate"), !section.has("learning_rate_per_replica") {
      section.issues.add(
        "missing: give `learning_rate` (for all replicas) or `learning_rate_per_replica`",
        path: section.path(of: "learning_rate"), line: section.line)
    }
    return total ?? perReplica.map { $0 * Double(replicas) } ?? 0
  }

  private static func readWarmUp(_ section: SectionReader?) -> WarmUp {
    guard let section else { return .steps(0) }
    defer { section.finish() }
    let steps = section.optionalInteger("steps", in: 0...1_000_000_000)
    let clips = section.optionalInteger("clips", in: 0...1_000_000_000_000)
    if section.has("steps") == section.has("clips") {
      section.issues.add("give either `steps` or `clips`", path: section.path, line: section.line)
    }
    return clips.map { .clips($0) } ?? .steps(steps ?? 0)
  }

  /// A word (`constant`, `half-cosine`), `{halvings: 13}` or `{steps: [100, 150], factor: 0.1}`.
  private static func readSchedule(_ train: SectionReader) -> Schedule {
    guard let entry = train.entry("schedule", required: false) else { return .constant }
    switch entry.value.scalarText {
    case "constant": return .constant
    case "half-cosine": return .halfCosine
    case .some(let text):
      train.fail(
        "schedule",
        "expected constant, half-cosine, {halvings: N} or {steps: [N, …], factor: F}, found `\(text.prefix(40))`")
      return .constant
    case nil: break
    }
    guard let section = train.section("schedule", required: true) else { return .constant }
    defer { section.finish() }
    if section.has("halvings") == section.has("steps") {
      section.issues.add("give either `halvings` or `steps` and `factor`", path: section.path, line: section.line)
      _ = (section.entry("halvings", required: false), section.entry("steps", required: false))
      _ = section.entry("factor", required: false)
      return .constant
    }
    if section.has("halvings") { return .halvings(section.integer("halvings", in: 1...1000)) }
    let steps = section.integers("steps", in: 1...1_000_000_000) ?? []
    if zip(steps, steps.dropFirst()).contains(where: { $0 >= $1 }) {
      section.fail("steps", "must rise")
    }
    return .steps(at: steps, factor: section.number("factor", default: 0.1, in: 1e-9...1))
  }
}
