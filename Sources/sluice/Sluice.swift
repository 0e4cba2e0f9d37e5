import ArgumentParser
import Commands

@main struct Sluice {
  static func main() async {
    KernelsEnvironment.apply()
    await SluiceCommand.main()
  }
}
