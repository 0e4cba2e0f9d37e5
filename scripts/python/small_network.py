"""The paper's variant of r2plus1d-10 at width 0.25, from torch's own layers; names as Sluice's."""

from torch import nn, relu


def factored(inputs, outputs, stride):
    middle = 27 * inputs * outputs // (9 * inputs + 3 * outputs)
    return nn.Sequential(
        nn.Conv3d(inputs, middle, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
        nn.BatchNorm3d(middle, eps=1e-3),
        nn.ReLU(),
        nn.Conv3d(middle, outputs, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
    )


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Sequential(factored(inputs, outputs, stride), nn.BatchNorm3d(outputs, eps=1e-3), nn.ReLU())
        self.conv2 = nn.Sequential(factored(outputs, outputs, 1), nn.BatchNorm3d(outputs, eps=1e-3))
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs, eps=1e-3)
            )

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return relu(self.conv2(self.conv1(x)) + shortcut)


class Network(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, 11, (1, 7, 7), (1, 2, 2), (0, 3, 3), bias=False),
            nn.BatchNorm3d(11, eps=1e-3),
            nn.ReLU(),
            nn.Conv3d(11, 16, (3, 1, 1), 1, (1, 0, 0), bias=False),
            nn.BatchNorm3d(16, eps=1e-3),
            nn.ReLU(),
        )
        self.layer1 = nn.Sequential(Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2))
        self.layer3 = nn.Sequential(Block(32, 64, 2))
        self.layer4 = nn.Sequential(Block(64, 128, 2))
        self.fc = nn.Linear(128, classes)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(x.mean((2, 3, 4)))
