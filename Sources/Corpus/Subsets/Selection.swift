/// Which videos of the training split a subset has, as ranks among their labels' videos.
struct Selection: Sendable {
  private enum Purpose: UInt64 {
    case order = 0x6F72_6465_7221
    case videos = 0x7375_6273_6574
    case frame = 0x6672_616D_6521
  }

  /// Videos of each label that are in it.
  var counts: [Int]
  private let eligible: EligibleVideos
  private let permutations: [FeistelPermutation]
  private let recipe: SubsetRecipe

  /// - Parameters:
  ///   - labels: names of the labels kept.
  ///   - available: videos of each label that are eligible.
  init(_ recipe: SubsetRecipe, labels: [String], available: [Int], eligible: EligibleVideos, counts: [Int]) {
    self.recipe = recipe
    self.eligible = eligible
    self.counts = counts
    permutations = zip(labels, available).map { name, count in
      FeistelPermutation(count: count, key: CounterRandom.hash(name, seed: recipe.seed, Purpose.videos.rawValue))
    }
  }

  /// The key of the order of all videos of a random subset.
  static func order(_ recipe: SubsetRecipe) -> UInt64 {
    CounterRandom.key(seed: recipe.seed, [Purpose.order.rawValue])
  }

  /// The place of a subset's video among the eligible ones of its label.
  func place(label: Int, index: Int) -> Int { permutations[label](index) }

  /// The rank of a subset's video among all of its label.
  func rank(label: Int, index: Int) -> Int {
    eligible.rank(label: label, place: place(label: label, index: index))
  }

  /// The part of a video that the recipe keeps.
  func narrowed(_ video: VideoRecord) -> VideoRecord {
    var frames = video.startFrame..<video.endFrame
    if let seconds = recipe.centerSeconds {
      let count = Int(min(max((seconds * video.framesPerSecond).rounded(), 1), Double(frames.count)))
      let start = frames.lowerBound + (frames.count - count) / 2
      frames = start..<start + count
    }
    if recipe.singleFrame {
      let hash = CounterRandom.hash(video.file, seed: recipe.seed, Purpose.frame.rawValue)
      let frame = frames.lowerBound + Int(hash % UInt64(frames.count))
      frames = frame..<frame + 1
    }
    var narrowed = video
    (narrowed.startFrame, narrowed.endFrame) = (frames.lowerBound, frames.upperBound)
    return narrowed
  }
}
