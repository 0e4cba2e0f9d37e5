internal import Foundation

/// The cumulative distribution of videos per label, as in the paper's figure 3: for each number of videos the share of the labels
/// that have at most as many, with a logarithmic axis of numbers.
package struct LabelDistribution: Sendable {
  private static let (width, height) = (640, 420)
  private static let area = (left: 64.0, right: 620.0, top: 20.0, bottom: 366.0)

  private let series: [(name: String, counts: [Int])]
  /// The axis ends at this power of ten.
  private let decades: Int

  /// - Parameter series: names, and the videos of each label; at least one label each.
  package init(_ series: [(name: String, counts: [Int])]) {
    self.series = series.map { ($0.name, $0.counts.sorted()) }
    let most = max(self.series.compactMap(\.counts.last).max() ?? 1, 10)
    decades = Int(log10(Double(most)).rounded(.up))
  }

  package var figure: Figure {
    var figure = Figure(width: Self.width, height: Self.height)
    drawAxes(in: &figure)
    for (index, series) in series.enumerated() {
      let color = Figure.Color.series[index % Figure.Color.series.count]
      figure.draw(.line(steps(of: series.counts), color, width: 2))
      let y = Self.area.top + 16 + 20 * Double(index)
      figure.draw(.line([Figure.Point(Self.area.left + 12, y), Figure.Point(Self.area.left + 36, y)], color, width: 2))
      figure.draw(.text(series.name, Figure.Point(Self.area.left + 44, y), .start))
    }
    return figure
  }

  private func drawAxes(in figure: inout Figure) {
    let area = Self.area
    for decade in 0...decades {
      let x = x(pow(10, Double(decade)))
      figure.draw(.line([Figure.Point(x, area.top), Figure.Point(x, area.bottom)], .grey, width: 1))
      figure.draw(
        .text(
          decade < 4 ? String(Int(pow(10, Double(decade)))) : "1e\(decade)", Figure.Point(x, area.bottom + 14), .middle)
      )
    }
    for tenth in stride(from: 0, through: 10, by: 2) {
      let y = y(Double(tenth) / 10)
      figure.draw(.line([Figure.Point(area.left, y), Figure.Point(area.right, y)], .grey, width: 1))
      figure.draw(.text("\(tenth * 10) %", Figure.Point(area.left - 8, y), .end))
    }
    figure.draw(
      .line(
        [
          Figure.Point(area.left, area.top), Figure.Point(area.left, area.bottom),
          Figure.Point(area.right, area.bottom),
        ],
        .black, width: 1))
    figure.draw(.text("videos per label", Figure.Point((area.left + area.right) / 2, area.bottom + 36), .middle))
    figure.draw(.text("labels", Figure.Point(area.left - 8, area.top - 12), .end))
  }

  /// The corners of the distribution's steps. Labels without a video are at the left edge.
  private func steps(of counts: [Int]) -> [Figure.Point] {
    var points: [Figure.Point] = [Figure.Point(Self.area.left, y(0))]
    var index = 0
    while index < counts.count {
      let value = counts[index]
      let x = x(Double(value))
      points.append(Figure.Point(x, points[points.count - 1].y))
      while index < counts.count, counts[index] == value { index += 1 }
      points.append(Figure.Point(x, y(Double(index) / Double(counts.count))))
    }
    points.append(Figure.Point(Self.area.right, y(1)))
    return points
  }

  private func x(_ videos: Double) -> Double {
    let share = videos < 1 ? 0 : log10(videos) / Double(decades)
    return Self.area.left + (Self.area.right - Self.area.left) * share
  }

  private func y(_ share: Double) -> Double { Self.area.bottom - (Self.area.bottom - Self.area.top) * share }
}
