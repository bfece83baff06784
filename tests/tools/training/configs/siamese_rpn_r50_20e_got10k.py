# A variant in the form of MMTracking 0.14; written for the tests.
_base_ = ['./siamese_rpn_r50_20e_lasot.py']

data = dict(
    val=dict(
        type='GOT10kDataset', split='val', ann_file='data/got10k/annotations/got10k_val_infos.txt', img_prefix='data/got10k'),
    test=dict(
        _delete_=True, type='GOT10kDataset', ann_file='data/got10k/annotations/got10k_test_infos.txt',
        img_prefix='data/got10k', pipeline={{ _base_.test_pipeline }}, test_mode=True))
