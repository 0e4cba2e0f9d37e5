extension Topology {
  /// Which videos are drawn, and for which of their labels.
  package struct Sampling: Sendable, Equatable {
    package var labels: Labels
    package var labelDrawn: LabelDrawn

    /// How often each label is drawn (see `Quotas`).
    package enum Labels: Sendable, Equatable {
      case natural
      case squareRoot
      /// Labels of less than this share of the videos are repeated.
      case repeatFactor(threshold: Double)
    }

    /// When one of several labels is chosen for a video.
    package enum LabelDrawn: String, Sendable, CaseIterable {
      /// When the corpus is indexed: a video is drawn for that label alone.
      case perVideo = "per-video"
      /// With every draw: a video is drawn for each of its labels.
      case perDraw = "per-draw"
    }
  }
}

extension Topology.Sampling {
  private enum Rule: String, CaseIterable {
    case natural
    case squareRoot = "square-root"
    case repeatFactor = "repeat-factor"
  }

  static func read(_ section: SectionReader?) -> Self {
    guard let section else { return Self(labels: .natural, labelDrawn: .perVideo) }
    defer { section.finish() }
    let rule: Rule = section.choice("labels", default: .natural)
    if rule != .repeatFactor { section.refuse("threshold", "is for `labels: repeat-factor` only") }
    let labels: Labels =
      switch rule {
      case .natural: .natural
      case .squareRoot: .squareRoot
      case .repeatFactor: .repeatFactor(threshold: section.number("threshold", in: 1e-9...1))
      }
    return Self(labels: labels, labelDrawn: section.choice("label_drawn", default: .perVideo))
  }

  func settings() -> [(path: String, value: String)] {
    var settings: [(path: String, value: String)] =
      switch labels {
      case .natural: [("sampling.labels", Rule.natural.rawValue)]
      case .squareRoot: [("sampling.labels", Rule.squareRoot.rawValue)]
      case .repeatFactor(let threshold):
        [("sampling.labels", Rule.repeatFactor.rawValue), ("sampling.threshold", format(threshold))]
      }
    if labelDrawn != .perVideo { settings.append(("sampling.label_drawn", labelDrawn.rawValue)) }
    return settings
  }
}
