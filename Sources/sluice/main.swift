import Commands

await SluiceCommand.main()
