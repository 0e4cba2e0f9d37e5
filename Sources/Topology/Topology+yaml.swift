extension Topology {
  /// Every setting in the order of the file, with its value as YAML; absent ones are left out.
  func settings() -> [(path: String, value: String)] {
    var settings: [(path: String, value: String)] = []
    func add(_ path: String, _ value: String?) {
      if let value { settings.append((path, value)) }
    }
    add("name", quote(name))
    add("seed", String(seed))
    add("corpus", quote(corpus))
    add("subset", subset.map(quote))
    for host in hosts {
      let path = "hosts.\(host.name)"
      add("\(path).address", quote(host.address))
      add("\(path).port", host.port.map(String.init))
      add("\(path).coordinator", host.coordinator ? "true" : nil)
      for stage in Self.workerStages where host.count(stage) > 0 {
        let isBeside = stage == .average && host.isAverageBesideTrain
        add("\(path).\(stage.rawValue)", isBeside ? Self.besideTrain : String(host.count(stage)))
      }
      add("\(path).chain", host.chain.isEmpty ? nil : list(host.chain.map(\.rawValue)))
      add("\(path).memory", host.memoryBytes.map(String.init))
    }
    settings += clip.settings() + sampling.settings() + train.settings()
    if let evaluate {
      add("evaluate.every", String(evaluate.every))
      add("evaluate.clips", String(evaluate.clips))
      add("evaluate.split", evaluate.split)
    }
    add("links.compression", links.compression.rawValue)
    add("links.format", links.format.rawValue)
    add("links.security", links.security.rawValue)
    add("links.keys", links.keys.map(quote))
    add("in_flight", String(inFlight))
    add("checkpoint.every", String(checkpoint.every))
    add("checkpoint.keep", String(checkpoint.keep))
    add("lost_after", format(lostAfter))
    add("transient_retries", String(transientRetries))
    add("on_transient", onTransient.rawValue)
    add("max_bad_fraction", format(maxBadFraction))
    add("lease_floor", format(leaseFloor))
    add("decode_limit", format(decodeLimit))
    for stage in Self.workerStages {
      guard let limits = autoscale[stage] else { continue }
      add("autoscale.\(stage.rawValue).min", String(limits.lowerBound))
      add("autoscale.\(stage.rawValue).max", String(limits.upperBound))
    }
    return settings
  }

  /// The whole topology with every default written out; `parse(yaml())` gives the same topology.
  package func yaml() -> String {
    var lines: [String] = []
    var open: [Substring] = []
    for (path, value) in settings() {
      let keys = path.split(separator: ".")
      var depth = 0
      while depth < min(open.count, keys.count - 1), open[depth] == keys[depth] { depth += 1 }
      for level in depth..<(keys.count - 1) {
        lines.append(String(repeating: "  ", count: level) + "\(quote(String(keys[level]))):")
      }
      open = Array(keys.dropLast())
      lines.append(String(repeating: "  ", count: keys.count - 1) + "\(keys[keys.count - 1]): \(value)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension Topology.Clip {
  func settings() -> [(path: String, value: String)] {
    let size: (path: String, value: String) =
      switch resize {
      case .exact(let height, let width): ("clip.resize", list([String(height), String(width)]))
      case .shortEdge(let sides) where sides.count == 1: ("clip.short_edge", String(sides.lowerBound))
      case .shortEdge(let sides):
        ("clip.short_edge", list([String(sides.lowerBound), String(sides.upperBound)]))
      }
    var settings: [(path: String, value: String)] = [
      ("clip.frames", String(frames)), ("clip.stride", String(stride)), ("clip.slack", String(slack)), size,
      ("clip.crop", String(crop)), ("clip.mirror", String(mirror)),
    ]
    if let framesPerSecond { settings.append(("clip.fps", format(framesPerSecond))) }
    if !directional.isEmpty { settings.append(("clip.directional", list(directional.map(quote)))) }
    if echo > 1 { settings.append(("clip.echo", String(echo))) }
    return settings
  }
}

extension Topology.Train {
  func settings() -> [(path: String, value: String)] {
    let length: (path: String, value: String) =
      if let steps { ("train.steps", String(steps)) } else { ("train.epochs", format(epochs ?? 1)) }
    var settings: [(path: String, value: String)] = [
      ("train.network", network), ("train.width", format(width)), ("train.replicas", String(replicas)),
      ("train.batch", String(batch)), length, ("train.threads", String(threads)),
      ("train.learning_rate", format(learningRate)), ("train.momentum", format(momentum)),
      ("train.nesterov", String(nesterov)), ("train.weight_decay", format(weightDecay)),
    ]
    switch warmUp {
    case .steps(let count): settings.append(("train.warm_up.steps", String(count)))
    case .clips(let count): settings.append(("train.warm_up.clips", String(count)))
    }
    switch schedule {
    case .constant: settings.append(("train.schedule", "constant"))
    case .halfCosine: settings.append(("train.schedule", "half-cosine"))
    case .halvings(let count): settings.append(("train.schedule.halvings", String(count)))
    case .steps(let steps, let factor):
      settings.append(("train.schedule.steps", list(steps.map(String.init))))
      settings.append(("train.schedule.factor", format(factor)))
    }
    settings.append(("train.local_steps", String(localSteps)))
    settings.append(("train.loss", loss.rawValue))
    settings.append(("train.label_smoothing", format(labelSmoothing)))
    if let clipNorm { settings.append(("train.clip_norm", format(clipNorm))) }
    if let weights { settings.append(("train.weights", quote(weights))) }
    settings.append(("train.head", head.rawValue))
    settings.append(("train.inflate", String(inflate)))
    if let kernels { settings.append(("train.kernels", kernels)) }
    settings.append(("train.precision", precision.rawValue))
    settings.append(("train.winograd", String(winograd)))
    settings.append(("train.transfer", transfer.rawValue))
    return settings
  }
}

private func list(_ values: [String]) -> String {
  "[\(values.joined(separator: ", "))]"
}

/// `text` as a YAML scalar that reads back as that text. Everything that is not a plain path or name is quoted, as
/// are words and numbers YAML gives a meaning.
private func quote(_ text: String) -> String {
  let plain = text.unicodeScalars.allSatisfy { scalar in
    scalar.isASCII
      && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "_-./".unicodeScalars.contains(scalar))
  }
  let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]
  let startsPlainly = text.unicodeScalars.first.map { $0.properties.isAlphabetic || "./".unicodeScalars.contains($0) }
  if plain, startsPlainly == true, !words.contains(text.lowercased()), Double(text) == nil { return text }
  let escaped = text.unicodeScalars.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
  return "\"\(escaped)\""
}
