/// Which of each label's videos a recipe may take, as ranks among the label's.
enum EligibleVideos: Sendable {
  case all
  /// Ranks of each label, rising.
  case only([[Int32]])
  /// All but these, rising.
  case without([[Int32]])

  /// The rank of the video with this place among those eligible.
  func rank(label: Int, place: Int) -> Int {
    switch self {
    case .all: return place
    case .only(let ranks): return Int(ranks[label][place])
    case .without(let ranks):
      // Of the first `low` left out each has at most `place` eligible ones before it.
      let left = ranks[label]
      var (low, high) = (0, left.count)
      while low < high {
        let middle = (low + high) / 2
        if Int(left[middle]) - middle <= place { low = middle + 1 } else { high = middle }
      }
      return place + low
    }
  }
}
