/// Sine and cosine over turns, from arithmetic alone, so that no frame depends on the C library's version.
enum Wave {
  /// sin(2π·`turns`), absolute error below 2e-4 (Taylor polynomial of degree 7 on a quarter turn).
  static func sine(turns: Float) -> Float {
    var x = turns - turns.rounded(.down)
    // Fold into [-1/4, 1/4], where the polynomial holds.
    if x > 0.75 { x -= 1 } else if x > 0.25 { x = 0.5 - x }
    let angle = x * 6.283_185_3
    let square = angle * angle
    return angle * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)))
  }

  static func cosine(turns: Float) -> Float {
    sine(turns: turns + 0.25)
  }

  /// The part of `value` after the point, in [0, 1), also for negative values.
  static func fraction(_ value: Float) -> Float {
    let part = value - value.rounded(.down)
    return part < 1 ? part : 0
  }
}
