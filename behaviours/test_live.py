"""What only a network itself can tell, not what it once said; an example for behaviours of your own (``--live``)."""


def test_logits_do_not_depend_on_the_company_of_a_picture(model, device):
    """A network that looks at its batch – batch norm left in training mode, say – answers otherwise tomorrow."""
    import torch  # here, for runs without --live import no torch

    side = model.description.native.crop
    pictures = torch.randn(8, 3, side, side, generator=torch.Generator().manual_seed(0)).to(device)
    together = model.logits(pictures)
    alone = torch.cat([model.logits(pictures[i : i + 1]) for i in range(8)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-3 * float(together.abs().max()))
