"""Which items go together: item-item weights in closed form, from who bought what.

Two ways over the same table of consumers by items: Jaccard similarity, the classic item-kNN, and a ridge regression of
every item on all others.

Source: H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, equation 8 (`linear_weights`).
"""

import torch
from torch import Tensor


def bought_table(consumer: Tensor, item: Tensor, *, consumers: int, items: int) -> Tensor:
    """Return 1 where a consumer bought an item, else 0, (consumers, items) float32."""
    table = torch.zeros(consumers, items)
    table[consumer, item] = 1.0
    return table


def bought_together(consumer: Tensor, item: Tensor, *, items: int, at_once: int = 1024) -> Tensor:
    """Return for each pair of items how many consumers bought both, buyers on the diagonal, (items, items).

    Args:
        consumer: Consumer numbers, rising.
        item: Item of each purchase, as long as `consumer`.
        items: How many items there are.
        at_once: Consumers of one block, so that memory does not grow with their number.
    """
    both = torch.zeros(items, items)
    last = int(consumer[-1]) + 1 if len(consumer) else 0
    for begin in range(0, last, at_once):
        first, end = torch.searchsorted(consumer, torch.tensor([begin, begin + at_once])).tolist()
        block = bought_table(consumer[first:end] - begin, item[first:end], consumers=at_once, items=items)
        both.addmm_(block.T, block)
    return both


def jaccard_weights(together: Tensor) -> Tensor:
    """Return for each pair of items: buyers of both over buyers of either, 0 on the diagonal, (items, items).

    Args:
        together: What `bought_together` returned.
    """
    buyers = together.diagonal()
    either = (buyers[:, None] + buyers[None, :]).sub_(together).clamp_(min=1)
    return torch.div(together, either, out=either).fill_diagonal_(0)


def linear_weights(together: Tensor, *, ridge: float) -> Tensor:
    """Return the weights by which a consumer's items predict every item, 0 on the diagonal, (items, items).

    Args:
        together: What `bought_together` returned.
        ridge: Penalty on the squared weights, in consumers.
    """
    gram = together.clone()
    gram.diagonal().add_(ridge)
    factor = torch.linalg.cholesky(gram, out=gram)  # in place: each of these tables is large
    inverse = torch.cholesky_inverse(factor, out=factor)
    return inverse.div_(-inverse.diagonal()[None, :].clone()).fill_diagonal_(0)
