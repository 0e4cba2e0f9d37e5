/// The inverse of the standard normal distribution: M. J. Wichura, "Algorithm AS 241", Applied Statistics 37 (1988),
/// routine PPND16, relative accuracy about 1e-16.
///
/// Only additions, multiplications, divisions and square roots, which IEEE 754 rounds alike everywhere; no library function.
package enum NormalQuantile {
  /// - Parameter probability: in (0, 1).
  package static func value(_ probability: Double) -> Double {
    let q = probability - 0.5
    if abs(q) <= 0.425 {
      let r = 0.180625 - q * q
      return q * polynomial(centreNumerator, r) / polynomial(centreDenominator, r)
    }
    let tail = q < 0 ? probability : 1 - probability
    let root = (-logarithm(tail)).squareRoot()
    let magnitude =
      root <= 5
      ? polynomial(middleNumerator, root - 1.6) / polynomial(middleDenominator, root - 1.6)
      : polynomial(farNumerator, root - 5) / polynomial(farDenominator, root - 5)
    return q < 0 ? -magnitude : magnitude
  }

  /// Natural logarithm of a normal positive number, by its exponent and the series of artanh.
  package static func logarithm(_ x: Double) -> Double {
    var exponent = Double(x.exponent)
    var significand = x.significand
    if significand > 1.414213562373095 {
      significand /= 2
      exponent += 1
    }
    let z = (significand - 1) / (significand + 1)
    let square = z * z
    var sum = 0.0
    // |z| ≤ 0.172: the term of z^27 is below 1e-21.
    for power in stride(from: 25, through: 1, by: -2) { sum = sum * square + 1 / Double(power) }
    return 2 * z * sum + exponent * 0.6931471805599453
  }

  /// Coefficients from the constant term up.
  private static func polynomial(_ coefficients: [Double], _ x: Double) -> Double {
    var sum = 0.0
    for coefficient in coefficients.reversed() { sum = sum * x + coefficient }
    return sum
  }

  private static let centreNumerator = [
    3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3, 1.3731693765509461125e+4,
    4.5921953931549871457e+4, 6.7265770927008700853e+4, 3.3430575583588128105e+4, 2.5090809287301226727e+3,
  ]
  private static let centreDenominator = [
    1, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3, 2.1213794301586595867e+4,
    3.9307895800092710610e+4, 2.8729085735721942674e+4, 5.2264952788528545610e+3,
  ]
  private static let middleNumerator = [
    1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
    1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
  ]
  private static let middleDenominator = [
    1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
    1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
  ]
  private static let farNumerator = [
    6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
  ]
  private static let farDenominator = [
    1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
    1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
  ]
}
