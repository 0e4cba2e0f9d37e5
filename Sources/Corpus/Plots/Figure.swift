/// A drawing of lines and texts, in points from its upper left corner; written as SVG or PNG.
package struct Figure: Sendable {
  package struct Point: Sendable, Equatable {
    package let x: Double
    package let y: Double

    package init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
  }

  /// 8 bits each.
  package struct Color: Sendable, Equatable {
    let red: UInt8
    let green: UInt8
    let blue: UInt8

    static let black = Color(red: 0, green: 0, blue: 0)
    static let grey = Color(red: 220, green: 220, blue: 220)
    /// Distinct for people who do not tell red from green (Okabe and Ito, "Color universal design", 2008).
    static let series = [
      Color(red: 0, green: 114, blue: 178), Color(red: 213, green: 94, blue: 0), Color(red: 0, green: 158, blue: 115),
      Color(red: 204, green: 121, blue: 167), Color(red: 230, green: 159, blue: 0),
      Color(red: 86, green: 180, blue: 233),
      black,
    ]
  }

  enum Anchor: String {
    case start, middle, end
  }

  enum Element {
    case line([Point], Color, width: Double)
    /// The point is at the middle of the text's height.
    case text(String, Point, Anchor)
  }

  package let width: Int
  package let height: Int
  private(set) var elements: [Element] = []

  package init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

  mutating func draw(_ element: Element) { elements.append(element) }

  package var svg: String {
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
        + "viewBox=\"0 0 \(width) \(height)\" font-family=\"sans-serif\" font-size=\"13\">",
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
    ]
    for element in elements {
      switch element {
      case .line(let points, let color, let width):
        let places = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
        lines.append(
          "<polyline points=\"\(places)\" fill=\"none\" stroke=\"rgb(\(color.red),\(color.green),\(color.blue))\" "
            + "stroke-width=\"\(Self.number(width))\"/>")
      case .text(let text, let point, let anchor):
        lines.append(
          "<text x=\"\(Self.number(point.x))\" y=\"\(Self.number(point.y + 4))\" text-anchor=\"\(anchor.rawValue)\">"
            + "\(Self.escaped(text))</text>")
      }
    }
    return (lines + ["</svg>", ""]).joined(separator: "\n")
  }

  private static func number(_ value: Double) -> String {
    let rounded = (value * 100).rounded() / 100
    return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
  }
}
