import ArgumentParser
import Commands

@main struct Sluice {
  static func main() async { await SluiceCommand.main() }
}
